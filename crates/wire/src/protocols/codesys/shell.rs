//! Lines typed into a controller's shell (the PLC browser of the programming software), by what they do.
use crate::Verb;

/// What a line does, and the line as it may be kept: a password that is set in it is not.
pub(super) fn command(line: &str) -> (Verb, String) {
    let line = line.trim();
    let word = line.split_whitespace().next().unwrap_or_default();
    let word = word.to_ascii_lowercase();
    let verb = match word.as_str() {
        "startprg" => Verb::Start,
        "stopprg" => Verb::Stop,
        "resetprg" | "resetprgcold" | "resetprgorg" | "reload" => Verb::Reset,
        "restoreretain" | "restoreretains" => Verb::Write,
        "filecopy" | "filerename" | "saveretain" | "saveretains" => Verb::FileWrite,
        "filedelete" => Verb::FileDelete,
        "filedir" => Verb::FileRead,
        "setpwd" | "delpwd" => return (Verb::Configure, word),
        "mem" | "memc" | "memd" | "dpt" | "ppt" | "inputshow" | "outputshow" => Verb::Read,
        "pid" | "pinf" | "rtsinfo" | "sysinfo" | "getprgprop" => Verb::Identify,
        "?" | "reflect" | "tsk" | "tskclear" | "getprgstat" | "plcload" | "plcloadstart"
        | "plcloadstop" | "wdgshow" | "canshow" => Verb::Diagnose,
        // What a maker added: a word alone does not say what it does.
        _ => Verb::Operate,
    };
    (verb, line.to_owned())
}
