//! The scripts that make a shell ask `mete`.

use super::AskingShell;

/// The script of a shell.
pub const fn script(shell: AskingShell) -> &'static str {
    match shell {
        AskingShell::Bash => BASH,
        AskingShell::Fish => FISH,
        AskingShell::Zsh => ZSH,
    }
}

// For bash 3.2 too, which has neither mapfile nor compopt. What is offered is never expanded on its way.
const BASH: &str = r#"# bash completion of mete
_mete() {
    local offered
    COMPREPLY=()
    case ${COMP_WORDS[COMP_CWORD-1]} in
        *[\<\>]) compopt -o default 2>/dev/null; return ;;
    esac
    while IFS= read -r offered; do
        COMPREPLY+=("$offered")
    done < <(mete complete bash -- "${COMP_LINE:0:COMP_POINT}" "$2" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == */ ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -F _mete mete
"#;

const FISH: &str = r#"# fish completion of mete
function __mete_offered
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    set -l word (commandline --current-token --cut-at-cursor | string unescape)
    mete complete fish -- $words "$word" 2>/dev/null
end
complete --command mete --no-files --keep-order --arguments '(__mete_offered)'
"#;

// In a folder of $fpath it is the body of the function; sourced, it registers it.
const ZSH: &str = r#"#compdef mete
_mete() {
    local -a offered folders
    offered=("${(@f)$(mete complete zsh -- "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
    folders=(${(M)offered:#*/})
    offered=(${offered:#*/})
    (( $#folders )) && _describe -V mete folders -S ''
    (( $#offered )) && _describe -V mete offered
}
if [ "$funcstack[1]" = "_mete" ]; then
    _mete "$@"
else
    compdef _mete mete
fi
"#;
