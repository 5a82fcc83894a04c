#!/bin/sh
# A client of Saddlebag's HTTP service in POSIX sh and curl. Run it, or source it for its functions.
#
#   SADDLEBAG_URL         http://127.0.0.1:7070 where it is not set; also https://…, or unix:/path/of/a/socket
#   SADDLEBAG_CREDENTIAL  the file of `saddlebag credential issue --out FILE`, or the header of `serve --dev`
#
#   sh saddlebag.sh issue        < REQUEST  a login: {"subject":"alice","state":{"cart":["apples"]}}
#   sh saddlebag.sh token        < ANSWER   the token in an answer to issue or renew
#   sh saddlebag.sh verify       < TOKEN    each request
#   sh saddlebag.sh renew        < LINES    a token, and below it what changes, if anything: {"state":{"cart":[]}}
#   sh saddlebag.sh verify-batch < TOKENS   one a line, answered in their order
#   sh saddlebag.sh introspect   < TOKEN    in the words of OAuth
#   sh saddlebag.sh demo                    all of that, once
#
# Secrets come from files and standard input, so that no list of processes shows them. Answers are the service's
# JSON. A token that is not valid is an answer, {"active":false}; whatever went wrong is told on standard error,
# as the problem's code, status and detail, with exit 1.

saddlebag_issue() { saddlebag_post /v1/sessions; }

saddlebag_verify() { printf '{"token":%s}' "$(saddlebag_first)" | saddlebag_post /v1/sessions/verify; }

saddlebag_verify_batch() {
    printf '{"tokens":[%s]}' "$(saddlebag_quoted | paste -s -d , -)" | saddlebag_post /v1/sessions/verify-batch
}

saddlebag_renew() (
    IFS= read -r token
    changes=$(cat)
    token=$(printf '%s\n' "$token" | saddlebag_quoted)
    case $changes in
        '' | '{}') printf '{"token":%s}' "$token" ;;
        *) printf '{"token":%s,%s' "$token" "${changes#'{'}" ;;
    esac | saddlebag_post /v1/sessions/renew
)

saddlebag_introspect() {
    printf 'token=%s' "$(saddlebag_first | tr -d '"')" |
        saddlebag_post /v1/introspect application/x-www-form-urlencoded
}

# Anchored: a state may have members of any name.
saddlebag_token() { sed -n 's/^{"token":"\([^"]*\)".*/\1/p'; }

# A JSON string a line. What has other characters than tokens have is no token: "-" is none either, and cannot
# end the string early.
saddlebag_quoted() { LC_ALL=C sed -e 's/.*[^A-Za-z0-9._-].*/-/' -e 's/.*/"&"/'; }

saddlebag_first() { { cat; echo; } | head -n 1 | saddlebag_quoted; }

# Sends standard input to a path. curl comes again once where the service, or what is before it, asks for that (503
# and the like) after as long as Retry-After says: nothing is stored, so nothing happens twice.
saddlebag_post() (
    path=$1 kind=${2:-application/json}
    folder=$(mktemp -d) || exit 1
    trap 'rm -rf "$folder"' EXIT
    trap 'exit 1' HUP INT TERM
    cat >"$folder/request"
    url=${SADDLEBAG_URL:-http://127.0.0.1:7070}
    case $url in
        unix:*) set -- --unix-socket "${url#unix:}" "http://localhost$path" ;;
        *) set -- "${url%/}$path" ;;
    esac
    header=$(saddlebag_authorization) || exit 1
    status=$(printf '%s\n' "$header" | curl -sS --max-time 10 --retry 1 --retry-max-time 30 \
        -H @- -H "content-type: $kind" --data-binary "@$folder/request" \
        -o "$folder/answer" -w '%{http_code}' "$@") || exit 1
    case $status in
        2??) cat "$folder/answer" && echo ;;
        *)
            code=$(saddlebag_text code "$folder/answer")
            detail=$(saddlebag_text detail "$folder/answer")
            detail=${detail:-$(saddlebag_text title "$folder/answer")}
            printf 'saddlebag: %s (%s): %s\n' "${code:-http_error}" "$status" "$detail" >&2
            exit 1
            ;;
    esac
)

# The header with the credential, which is read each time: it is replaced before it ends.
saddlebag_authorization() (
    [ -n "${SADDLEBAG_CREDENTIAL-}" ] || exit 0
    credential=$(cat "$SADDLEBAG_CREDENTIAL") && printf 'Authorization: Bearer %s\n' "${credential##* }"
)

# A member of a problem that is text.
saddlebag_text() { sed -nE 's/.*"'"$1"'":"(([^"\\]|\\.)*)".*/\1/p' "$2" | sed 's/\\\(["\\]\)/\1/g'; }

saddlebag_demo() (
    tell() { printf '%-13s ' "$1" && printf '%s\n' "$2" | sed 's/"token":"[^"]*"/"token":"…"/'; }
    answer=$(echo '{"subject":"alice","state":{"cart":["apples"]}}' | saddlebag_issue) || exit 1
    tell login "$answer"
    first=$(printf '%s' "$answer" | saddlebag_token)
    answer=$(echo "$first" | saddlebag_verify) || exit 1
    tell request "$answer"
    answer=$(printf '%s\n' "$first" '{"state":{"cart":["apples","pears"]}}' | saddlebag_renew) || exit 1
    tell 'cart changed' "$answer"
    # Another subject is another session, under an id that nobody knew before; what was alice's goes.
    answer=$(printf '%s\n' "$(printf '%s' "$answer" | saddlebag_token)" '{"subject":"bob","state":{"cart":[]}}' |
        saddlebag_renew) || exit 1
    tell "bob's login" "$answer"
    last=$(printf '%s' "$answer" | saddlebag_token)
    # The first token is good until it ends: there is no store to take it from.
    tell batch "$(printf '%s\n' "$first" 'not a token' "$last" | saddlebag_verify_batch)"
    tell introspection "$(echo "$last" | saddlebag_introspect)"
    tell 'no token' "$(echo 'not a token' | saddlebag_verify)"
    tell 'no credential' "$(echo "$last" | SADDLEBAG_CREDENTIAL=/dev/null saddlebag_verify 2>&1)"
)

if [ "${0##*/}" = saddlebag.sh ]; then
    case ${1-} in
        issue | token | verify | renew | introspect | demo) "saddlebag_$1" ;;
        verify-batch) saddlebag_verify_batch ;;
        *) echo 'usage: saddlebag.sh issue|token|verify|renew|verify-batch|introspect|demo' >&2 && exit 2 ;;
    esac
fi
