# Interactive zsh in a workshop: tells the terminal where each command begins and ends, what it is, and what it gave.
#
# It speaks OSC 133 and OSC 633 with the session's nonce; a sequence without it counts for nothing. No process is
# started for a prompt or a command. zsh reads it as `.zshrc` of the ZDOTDIR that it is started with.
# See docs/shell-integration.md.

typeset -gr __workshop_nonce=${WORKSHOP_SHELL_NONCE-}
unset WORKSHOP_SHELL_NONCE ZDOTDIR

[[ -r ~/.zshenv ]] && . ~/.zshenv
[[ -r ~/.zshrc ]] && . ~/.zshrc

if [[ -n $__workshop_nonce && -o interactive ]]; then

# Sets REPLY: $1 without what would end a sequence or split its fields. What is longer is cut later anyway.
__workshop_escape() {
    emulate -L zsh
    local text=${1[1,4200]} code char
    text=${text//\\/\\\\}
    text=${text//;/\\x3b}
    if [[ $text == *[[:cntrl:]]* ]]; then
        for code in 0{1,2,3,4,5,6,7,8,9,a,b,c,d,e,f} 1{0,1,2,3,4,5,6,7,8,9,a,b,c,d,e,f} 7f; do
            printf -v char '%b' "\\x$code"
            text=${text//$char/\\x$code}
        done
        text=${text//$'\u9c'/\\xc2\\x9c}
    fi
    REPLY=$text
}

# A command is about to run: $1 is what was typed, $3 what it expands to; the first is empty without a history.
__workshop_preexec() {
    local REPLY
    __workshop_escape "${1:-$3}"
    print -rn -- $'\e]633;E;'$REPLY\;$__workshop_nonce$'\a\e]133;C;aid='$__workshop_nonce$'\a' >&2
}

# Before a prompt.
__workshop_precmd() {
    local code=$? REPLY
    __workshop_escape "$PWD"
    print -rn -- $'\e]133;D;'$code';aid='$__workshop_nonce$'\a\e]633;P;Cwd='$REPLY\;$__workshop_nonce$'\a\e]133;A;aid='$__workshop_nonce$'\a' >&2
}

typeset -ga preexec_functions precmd_functions
preexec_functions=(__workshop_preexec $preexec_functions)
precmd_functions=(__workshop_precmd $precmd_functions)

fi
