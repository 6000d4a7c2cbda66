//! Procedures that the header of a SOAP request names.
use super::Request;
use super::head::Head as Message;
use crate::{Cx, Op, Outcome, Side, Verb};

/// A procedure that the header of a SOAP request names.
pub(super) struct Soap {
    verb: Verb,
    procedure: String,
    whole: String,
}

/// SOAP 1.1, 6.1.1, or the `action` of SOAP 1.2's media type. Only procedures whose name says what they do count.
pub(super) fn soap(head: &Message<'_>) -> Option<Soap> {
    let whole = match head.text("soapaction") {
        Some(action) => action,
        None if head.content_type()? == "application/soap+xml" => {
            let kind = head.text("content-type")?;
            kind.split_once("action=")?.1.to_owned()
        }
        None => return None,
    };
    let whole = whole.trim_matches(['"', ' ']).to_owned();
    let procedure = whole.rsplit(['#', '/', ':']).next()?.to_owned();
    let begins = |words: &[&str]| words.iter().any(|word| procedure.starts_with(word));
    let verb = if begins(&["Get", "Query", "List", "Browse", "Read"]) {
        Verb::Read
    } else if begins(&[
        "Set", "Add", "Delete", "Create", "Remove", "Modify", "Update",
    ]) {
        Verb::Configure
    } else {
        return None;
    };
    Some(Soap {
        verb,
        procedure,
        whole,
    })
}

pub(super) fn tell_soap(cx: &mut Cx<'_>, request: Request, outcome: Option<Outcome>) {
    let Some(soap) = request.soap else { return };
    let op = Op {
        object: Some(soap.procedure),
        detail: Some(format!("SOAPAction {}", soap.whole)),
        outcome,
        asked: Some(request.asked),
        ..Op::new(soap.verb)
    };
    cx.operation(Side::Client, op);
}
