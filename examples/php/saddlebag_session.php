<?php
/**
 * $_SESSION without a session store, for a program that knows nothing of it, behind `saddlebag sidecar`:
 *
 *     php -d auto_prepend_file=saddlebag_session.php …
 *
 * The state comes as JSON in X-Session-State and goes as JSON in X-Session-Set. Output is buffered, so that the headers
 * can still be sent when the page has ended: a page that flushes earlier keeps its session as it was, and the log says so.
 *
 * Values are null, booleans, numbers, UTF-8 text, and arrays of them, some 2,600 bytes of JSON in all. For anything else
 * the session stays as it was, with a warning.
 */

declare(strict_types=1);

final class SaddlebagSession implements SessionHandlerInterface, SessionIdInterface
{
    /** Bytes of CBOR that fit a token of 4,000 characters, sealed and with the longest subject. */
    private const LONGEST = 2600;
    /** A short float such as 0.1 has that many bytes more in CBOR than in JSON; nothing else has any more. */
    private const FLOAT = 5;
    private const DEEPEST = 32;

    /** The session's own, where there is one. */
    private string $id;
    /** What the session holds; what this request has written of it, too, for it may start the session again. */
    private array $state;
    /** In this request, and no other has begun since. */
    private bool $destroyed = false;

    public function __construct()
    {
        $this->id = $_SERVER['HTTP_X_SESSION_ID'] ?? '';
        $this->state = self::told();
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

    /** PHP asks for one when a session begins, when it is to have another, and for a program that wants one for itself. */
    public function create_sid(): string
    {
        $asked = self::caller();
        if ($asked === 'session_regenerate_id') {
            $this->say('X-Session-Rotate: true');
        } elseif ($asked === 'session_start' && $this->destroyed) {
            $this->begin();
        } elseif ($asked === 'session_start' && $this->id !== '') {
            return $this->id;
        }
        return bin2hex(random_bytes(16));
    }

    public function read(string $id): string|false
    {
        return $this->state === [] ? '' : serialize($this->state);
    }

    public function write(string $id, string $data): bool
    {
        $values = unserialize($data, ['allowed_classes' => false]);
        if ($values === $this->state) {
            return true;
        }
        try {
            $json = json_encode((object) $values, JSON_THROW_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION, self::DEEPEST);
        } catch (JsonException $error) {
            return self::fails($error->getMessage());
        }
        // What would come back as something else, or not at all, is refused now.
        if (json_decode($json, true) !== $values) {
            return self::fails('it holds an object, or a name that JSON has not');
        }
        $length = strlen($json);
        array_walk_recursive($values, function (mixed $value) use (&$length): void {
            $length += is_float($value) ? self::FLOAT : 0;
        });
        if ($length > self::LONGEST) {
            return self::fails(sprintf('it may need %d bytes, and there are %d', $length, self::LONGEST));
        }
        if (!$this->say('X-Session-Set: ' . $json)) {
            return false;
        }
        $this->state = $values;
        return true;
    }

    /** Of session_destroy, and of session_regenerate_id(true), which asks for a new id next. */
    public function destroy(string $id): bool
    {
        if (self::caller() === 'session_regenerate_id') {
            return true;
        }
        if (!$this->say('X-Session-Destroy: true')) {
            return false;
        }
        header_remove('X-Session-Set');
        header_remove('X-Session-Rotate');
        $this->destroyed = true;
        $this->id = '';
        $this->state = [];
        return true;
    }

    /** In place of the one that was destroyed: nobody's, until the program says whose. */
    private function begin(): void
    {
        if ($this->say('X-Session-Set: {}')) {
            header_remove('X-Session-Destroy');
            header('X-Session-Rotate: true');
            header('X-Session-Subject: ');
        }
        $this->destroyed = false;
    }

    /** PHP's function that has called a method of this class. */
    private static function caller(): string
    {
        return debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS, 3)[2]['function'] ?? '';
    }

    /** What the sidecar tells. */
    private static function told(): array
    {
        $state = $_SERVER['HTTP_X_SESSION_STATE'] ?? '';
        if (str_contains($_SERVER['HTTP_X_SESSION_ENCODING'] ?? '', 'state')) {
            $state = base64_decode(strtr($state, '-_', '+/'));
        }
        $state = json_decode($state, true);
        return is_array($state) ? $state : [];
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
