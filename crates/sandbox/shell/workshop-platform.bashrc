# Interactive bash in a workshop: tells the terminal where each command begins and ends, what it is, and what it gave.
#
# It speaks OSC 133 and OSC 633 with the session's nonce; a sequence without it counts for nothing. No process is
# started for a prompt or a command, and the history is neither read nor changed: the line is taken from readline when
# Return is pressed. See docs/shell-integration.md.

# Only as the rcfile of the workshop's own shell. Read by another file, or in a nested shell, it does nothing.
if [ -z "${BASH_VERSION-}" ] || [ "${#BASH_SOURCE[@]}" -gt 1 ]; then
    return 0
fi

declare -r __workshop_nonce="${WORKSHOP_SHELL_NONCE-}"
unset WORKSHOP_SHELL_NONCE

if [ -r ~/.bashrc ]; then
    . ~/.bashrc
fi

if [ -z "$__workshop_nonce" ] || [[ ! $- == *i* ]]; then
    return 0
fi

# The lines that were entered since the prompt, each ready to be sent; how many of them the commands so far took, and
# LINENO when they had. A pasted block holds several commands, and LINENO tells which lines are whose.
__workshop_lines=()
__workshop_from=0
__workshop_base=0
__workshop_seen=-1
__workshop_escaped=

# Sets __workshop_escaped: $1 without what would end a sequence or split its fields. What is longer is cut later anyway.
__workshop_escape() {
    local text="${1:0:4200}" code char code_text backslash='\'
    if [[ $text == *[[:cntrl:]\;\\]* ]]; then
        text="${text//"$backslash"/"$backslash$backslash"}"
        text="${text//;/"${backslash}x3b"}"
        if [[ $text == *[[:cntrl:]]* ]]; then
            for code in 0{1,2,3,4,5,6,7,8,9,a,b,c,d,e,f} 1{0,1,2,3,4,5,6,7,8,9,a,b,c,d,e,f} 7f; do
                code_text="${backslash}x$code"
                printf -v char '%b' "$code_text"
                text="${text//"$char"/"$code_text"}"
            done
            text="${text//$'\xc2\x9c'/"${backslash}xc2${backslash}x9c"}"
        fi
    fi
    __workshop_escaped="$text"
}

# Return was pressed: keeps the line. $1 is LINENO.
__workshop_capture() {
    local line lines
    # A line with the number of the one before it replaces that one, which bash has refused (such as `!nothing`); only
    # the text of a here-document is counted late.
    if [ "$1" = "$__workshop_seen" ] && [ "${#__workshop_lines[@]}" -gt 0 ]; then
        if [[ ${__workshop_lines[-1]} != *'<<'* ]]; then
            unset '__workshop_lines[-1]'
        fi
    fi
    __workshop_seen="$1"
    mapfile -t lines <<<"$READLINE_LINE"
    for line in "${lines[@]}"; do
        __workshop_escape "$line"
        __workshop_lines+=("$__workshop_escaped;$__workshop_nonce"$'\a\e]633;L;')
    done
}

# Before a prompt. $1 is the exit code, $2 is LINENO.
__workshop_prompt() {
    local rest
    if [ "$1" = 2 ] && [ "$__workshop_from" -lt "${#__workshop_lines[@]}" ]; then
        # Lines that no command took, and exit code 2: bash could not parse them.
        rest="${__workshop_lines[@]:__workshop_from:1100}"
        if [[ $rest == *[![:space:]]* && ! $rest =~ ^[[:space:]]*[\#\;] ]]; then
            printf '\e]633;E;%s;%s\a\e]133;C;aid=%s\a' "$rest" "$__workshop_nonce" "$__workshop_nonce" >&2
        fi
    fi
    __workshop_lines=()
    __workshop_from=0
    __workshop_base="$2"
    __workshop_seen=-1
    __workshop_escape "$PWD"
    printf '\e]133;D;%s;aid=%s\a\e]633;P;Cwd=%s;%s\a\e]133;A;aid=%s\a' \
        "$1" "$__workshop_nonce" "$__workshop_escaped" "$__workshop_nonce" "$__workshop_nonce" >&2
}

# Between reading a command and running it: the end of the one before it, in a pasted block, then the lines of this one.
# Continuation lines are sequences of their own; bash puts a space before each.
PS0='\e]133;D;$?;aid=${__workshop_nonce}\a\e]633;E;${__workshop_lines[@]:__workshop_from:LINENO-__workshop_base>1100?1100:LINENO-__workshop_base};${__workshop_nonce}\a\e]133;C;aid=${__workshop_nonce}\a${__workshop_nonce:(__workshop_from+=LINENO-__workshop_base,__workshop_base=LINENO,0):0}'"${PS0-}"

# Behind all others, so that `PROMPT_COMMAND=…` in a profile leaves it alone.
PROMPT_COMMAND[1000]='__workshop_prompt "$?" "$LINENO"'

for __workshop_keymap in emacs vi-insert vi-command; do
    bind -m "$__workshop_keymap" -x '"\e[9300~": __workshop_capture "$LINENO"'
    bind -m "$__workshop_keymap" '"\e[9301~": accept-line'
    bind -m "$__workshop_keymap" '"\C-m": "\e[9300~\e[9301~"'
    bind -m "$__workshop_keymap" '"\C-j": "\e[9300~\e[9301~"'
done 2>/dev/null
unset __workshop_keymap
bind -m emacs '"\e[9302~": operate-and-get-next' 2>/dev/null
bind -m emacs '"\C-o": "\e[9300~\e[9302~"' 2>/dev/null
