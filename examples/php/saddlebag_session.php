<?php
/**
 * $_SESSION without a session store, for a program that knows nothing of it, behind `saddlebag sidecar`:
 *
 *     php -d auto_prepend_file=saddlebag_session.php …
 *
 * The state comes as JSON in X-Session-State and goes as JSON in X-Session-Set. Output is buffered, so that the headers
 * can still be sent when the page has ended: a page that flushes earlier keeps its session as it was, and the log says so.
 *
 * Values are null, booleans, numbers, UTF-8 text, and arrays of them, some 2,800 bytes of JSON in all. For anything else
 * the session stays as it was, with a warning.
 */

declare(strict_types=1);

final class SaddlebagSession implements SessionHandlerInterface, SessionIdInterface
{
    /** Bytes of JSON that surely fit a token of 4,000 characters. */
    private const LONGEST = 2800;

    private string $id;
    /** What the session held when it was read, serialized. */
    private string $before = '';
    /** It was destroyed in this request: another that begins is a new one. */
    private bool $destroyed = false;
    private bool $begun = false;

    public function __construct()
    {
        $this->id = $_SERVER['HTTP_X_SESSION_ID'] ?? '';
    }

    public function open(string $path, string $name): bool
    {
        return true;
    }

    public function close(): bool
    {
        return true;
    }

    public function gc(int $max_lifetime): int|false
    {
        return 0;
    }

    /** The first id is the session's own; another one is asked for by session_regenerate_id. */
    public function create_sid(): string
    {
        if ($this->begun && !$this->destroyed) {
            $this->say('X-Session-Rotate: true');
        }
        if ($this->begun || $this->id === '') {
            $this->id = bin2hex(random_bytes(16));
        }
        $this->begun = true;
        return $this->id;
    }

    public function read(string $id): string|false
    {
        $state = $this->destroyed ? [] : self::state();
        return $this->before = $state === [] ? '' : serialize($state);
    }

    public function write(string $id, string $data): bool
    {
        if ($data === $this->before || ($this->before === '' && $data === serialize([]))) {
            return true;
        }
        try {
            $values = unserialize($data, ['allowed_classes' => false]);
            array_walk_recursive($values, self::checked(...));
            $json = json_encode((object) $values, JSON_THROW_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION);
        } catch (JsonException | InvalidArgumentException $error) {
            return self::fails($error->getMessage());
        }
        if (strlen($json) > self::LONGEST) {
            return self::fails(sprintf('it has %d bytes as JSON, and may have %d', strlen($json), self::LONGEST));
        }
        if ($this->destroyed) {
            header_remove('X-Session-Destroy');
            if (!$this->say('X-Session-Rotate: true') || !$this->say('X-Session-Subject: ')) {
                return false;
            }
        }
        return $this->say('X-Session-Set: ' . $json);
    }

    /** Of session_destroy, and of session_regenerate_id(true), which asks for a new id next. */
    public function destroy(string $id): bool
    {
        $regenerated = debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS, 2)[1]['function'] ?? '';
        if ($regenerated === 'session_regenerate_id') {
            return true;
        }
        header_remove('X-Session-Set');
        header_remove('X-Session-Rotate');
        $this->destroyed = true;
        return $this->say('X-Session-Destroy: true');
    }

    /** What the sidecar tells. */
    private static function state(): array
    {
        $state = $_SERVER['HTTP_X_SESSION_STATE'] ?? '';
        if (str_contains($_SERVER['HTTP_X_SESSION_ENCODING'] ?? '', 'state')) {
            $state = base64_decode(strtr($state, '-_', '+/'));
        }
        $state = json_decode($state, true);
        return is_array($state) ? $state : [];
    }

    private static function checked(mixed $value): void
    {
        if (is_object($value)) {
            throw new InvalidArgumentException('it holds an object, and JSON has none of PHP\'s');
        }
    }

    private static function fails(string $why): bool
    {
        trigger_error("saddlebag: the session stays as it was: $why", E_USER_WARNING);
        return false;
    }

    private function say(string $header): bool
    {
        if (headers_sent()) {
            $page = $_SERVER['SCRIPT_FILENAME'] ?? '';
            error_log("saddlebag: the session stays as it was: $page flushed before it had ended");
            return false;
        }
        header($header);
        return true;
    }
}

/** Says whose session it is from now on, at login; null at logout. */
function saddlebag_subject(?string $subject): void
{
    header('X-Session-Subject: ' . rtrim(strtr(base64_encode($subject ?? ''), '+/', '-_'), '='));
    header('X-Session-Encoding: subject');
}

// No cookie and no store of PHP's own.
ini_set('session.use_cookies', '0');
ini_set('session.use_only_cookies', '1');
ini_set('session.serialize_handler', 'php_serialize');
// The second argument has the session written when the page ends, while its headers are still here.
session_set_save_handler(new SaddlebagSession(), true);
ob_start();
