# Completion of the aipipe command for bash. The words come from the command's own help, so there is no list to keep.
_aipipe() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} help
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        help=$(aipipe --help 2>/dev/null | sed -n '/^Commands/,/^$/s/^  \([a-z]*\) .*/\1/p')
        mapfile -t COMPREPLY < <(compgen -W "$help --help --version" -- "$word")
        return
    fi
    case $before in
    --color) mapfile -t COMPREPLY < <(compgen -W "auto always never" -- "$word") && return ;;
    --log-level) mapfile -t COMPREPLY < <(compgen -W "none error warning info debug" -- "$word") && return ;;
    esac
    case $word in
    -*)
        help=$(aipipe "${COMP_WORDS[1]}" --help 2>/dev/null | sed -n 's/^  \(-[a-zA-Z], \)\{0,1\}\(--[a-z-]*\).*/\2/p')
        mapfile -t COMPREPLY < <(compgen -W "$help" -- "$word")
        ;;
    *)
        [ "${COMP_WORDS[1]}" != catalog ] || # the names of everything, which stand indented in the list
            mapfile -t COMPREPLY < <(compgen -W "$(aipipe catalog 2>/dev/null | sed -n 's/^  \([a-z_]*\) .*/\1/p')" -- "$word")
        ;;
    esac
}
complete -o default -F _aipipe aipipe # file names where there is nothing better
