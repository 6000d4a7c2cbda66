//! Services: what a request asks, and how an answer ends.
//!
//! Spec: OPC 10000-4 (services and their parameters), OPC 10000-6 annex A (numbers of their binary encodings).
use super::types::{self, NodeId};
use crate::Verb;
use crate::reader::{Malformed, Reader};

type Result<T> = std::result::Result<T, Malformed>;

/// Nodes named per operation; more are counted.
const MOST_NODES: usize = 8;
/// Nodes of a read that are looked through for what the server says of itself.
const MOST_LOOKED: usize = 64;

/// The answer that any request may get.
pub(super) const FAULT: u32 = 397;

/// A service by the number of its request's binary encoding; its answer has the number 3 above, but for a few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Service {
    pub request: u32,
    pub answer: u32,
    pub what: What,
    /// Its name where the operation needs one beyond its verb.
    pub detail: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Operation(Verb),
    OpenChannel,
    CreateSession,
    ActivateSession,
    /// Told once per conversation: it goes on as long as the subscription lives.
    Publish,
    /// Keeps the connection or a list in order; nothing is done to the server.
    Housekeeping,
}

const fn service(request: u32, what: What, detail: Option<&'static str>) -> Service {
    Service {
        request,
        answer: request + 3,
        what,
        detail,
    }
}

const READ: What = What::Operation(Verb::Read);
const WRITE: What = What::Operation(Verb::Write);
const CONFIGURE: What = What::Operation(Verb::Configure);
const IDENTIFY: What = What::Operation(Verb::Identify);
const QUIET: What = What::Housekeeping;

/// OPC 10000-6, A.3 (NodeIds.csv): `…Request_Encoding_DefaultBinary`.
const SERVICES: &[Service] = &[
    service(631, READ, None),
    service(826, What::Publish, Some("publish")),
    service(673, WRITE, None),
    service(712, What::Operation(Verb::Operate), None),
    service(527, READ, Some("browse")),
    service(533, READ, Some("browse")),
    service(554, READ, Some("translate paths")),
    service(664, READ, Some("history")),
    service(700, WRITE, Some("history update")),
    service(751, READ, Some("subscribe")),
    service(787, READ, Some("create subscription")),
    service(422, IDENTIFY, Some("find servers")),
    service(428, IDENTIFY, Some("get endpoints")),
    Service {
        request: 12208,
        answer: 12209,
        what: IDENTIFY,
        detail: Some("find servers on network"),
    },
    service(437, CONFIGURE, Some("register server")),
    Service {
        request: 12211,
        answer: 12212,
        what: CONFIGURE,
        detail: Some("register server"),
    },
    service(488, CONFIGURE, Some("add nodes")),
    service(494, CONFIGURE, Some("add references")),
    service(500, CONFIGURE, Some("delete nodes")),
    service(506, CONFIGURE, Some("delete references")),
    service(615, READ, Some("query")),
    service(621, READ, Some("query")),
    service(446, What::OpenChannel, None),
    service(461, What::CreateSession, None),
    service(467, What::ActivateSession, None),
    // Close channel and session, cancel, (un)register nodes, and the care of subscriptions.
    service(452, QUIET, None),
    service(473, QUIET, None),
    service(479, QUIET, None),
    service(560, QUIET, None),
    service(566, QUIET, None),
    service(763, QUIET, None),
    service(769, QUIET, None),
    service(775, QUIET, None),
    service(781, QUIET, None),
    service(793, QUIET, None),
    service(799, QUIET, None),
    service(832, QUIET, None),
    service(841, QUIET, None),
    service(847, QUIET, None),
];

/// Which way a body goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Body {
    Request(Service),
    Answer(Service),
    Fault,
}

/// The number at the head of a body; `None` where it is none of OPC UA's services, as in ciphertext.
pub(super) fn body(r: &mut Reader<'_>) -> Result<Option<Body>> {
    let mut ahead = *r;
    // Two or four bytes hold all of them.
    if !matches!(ahead.u8()?, 0..=2) {
        return Ok(None);
    }
    let Some(number) = NodeId::read(r)?.standard() else {
        return Ok(None);
    };
    if number == FAULT {
        return Ok(Some(Body::Fault));
    }
    let request = SERVICES.iter().find(|service| service.request == number);
    let answer = || SERVICES.iter().find(|service| service.answer == number);
    Ok(request
        .map(|service| Body::Request(*service))
        .or_else(|| answer().map(|service| Body::Answer(*service))))
}

/// OPC 10000-4, 7.33: session, time, handle, diagnostics, audit entry, timeout, additional header.
pub(super) fn request_header(r: &mut Reader<'_>) -> Result<()> {
    NodeId::skip(r)?;
    r.skip(8 + 4 + 4)?;
    types::bytes(r)?;
    r.skip(4)?;
    types::extension(r)?;
    Ok(())
}

/// 7.34: time, handle, result, diagnostics, strings, additional header. Gives the result.
pub(super) fn answer_header(r: &mut Reader<'_>) -> Result<u32> {
    r.skip(8 + 4)?;
    let result = r.u32_le()?;
    types::diagnostic(r)?;
    types::strings(r)?;
    types::extension(r)?;
    Ok(result)
}

/// What a request asks, for the row that tells of it.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub service: Service,
    pub verb: Verb,
    pub object: Option<String>,
    pub detail: Option<String>,
    /// Nodes of a read, by their place, that tell who the server is.
    pub identity: Vec<(usize, &'static str)>,
    /// Bytes behind its parameters, where those were read to their end: a signature, or none.
    pub behind: Option<usize>,
}

impl Ask {
    /// Reads as far as the bytes go: what a cut-off request still says is told.
    pub(super) fn read(service: Service, verb: Verb, r: &mut Reader<'_>) -> Ask {
        let mut ask = Ask {
            service,
            verb,
            object: None,
            detail: service.detail.map(str::to_owned),
            identity: Vec::new(),
            behind: None,
        };
        let mut nodes = Nodes::default();
        let result = ask.parameters(r, &mut nodes);
        // A cut-off request: how many nodes there were is not known.
        ask.object = nodes.object(result.is_err());
        let to_the_end = matches!(
            service.request,
            631 | 673 | 712 | 751 | 664 | 488 | 494 | 500 | 506
        );
        ask.behind = (result.is_ok() && to_the_end).then_some(r.left());
        if let Some(attributes) = nodes.attributes() {
            ask.say(&attributes);
        }
        ask
    }

    pub(super) fn say(&mut self, more: &str) {
        self.detail = Some(match self.detail.take() {
            Some(detail) => format!("{detail}, {more}"),
            None => more.to_owned(),
        });
    }

    fn parameters(&mut self, r: &mut Reader<'_>, nodes: &mut Nodes) -> Result<()> {
        match self.service.request {
            631 => {
                r.skip(8 + 4)?;
                for place in 0..types::array(r)? {
                    let (node, attribute) = read_value_id(r)?;
                    if let Some(what) =
                        says_who(&node).filter(|_| attribute == VALUE && place < MOST_LOOKED)
                    {
                        self.identity.push((place, what));
                    }
                    nodes.add(&node, attribute);
                }
            }
            673 => {
                for _ in 0..types::array(r)? {
                    let node = NodeId::read(r)?;
                    let attribute = r.u32_le()?;
                    types::bytes(r)?;
                    nodes.add(&node, attribute);
                    types::data_value(r)?;
                }
            }
            712 => {
                for _ in 0..types::array(r)? {
                    let (object, method) = (NodeId::read(r)?, NodeId::read(r)?);
                    // GetMonitoredItems and ResendData of the server itself only read.
                    if matches!(method.standard(), Some(11492 | 12873)) {
                        self.verb = Verb::Read;
                    }
                    nodes.note(format!("method {method} of {object}"));
                    types::variants(r)?;
                }
            }
            751 => {
                r.skip(4 + 4)?;
                for _ in 0..types::array(r)? {
                    let (node, attribute) = read_value_id(r)?;
                    nodes.add(&node, attribute);
                    // Mode; handle, interval, filter, queue, discarding.
                    r.skip(4 + 4 + 8)?;
                    types::extension(r)?;
                    r.skip(4 + 1)?;
                }
            }
            664 => {
                types::extension(r)?;
                r.skip(4 + 1)?;
                for _ in 0..types::array(r)? {
                    nodes.note(NodeId::read(r)?.to_string());
                    types::bytes(r)?;
                    types::qualified_name(r)?;
                    types::bytes(r)?;
                }
            }
            488 => {
                for _ in 0..types::array(r)? {
                    let parent = NodeId::read(r)?;
                    NodeId::read(r)?;
                    NodeId::read(r)?;
                    let name = types::qualified_name(r)?;
                    nodes.note(format!("{} under {parent}", name.unwrap_or_default()));
                    r.skip(4)?;
                    types::extension(r)?;
                    NodeId::read(r)?;
                }
            }
            494 => {
                for _ in 0..types::array(r)? {
                    nodes.note(NodeId::read(r)?.to_string());
                    NodeId::read(r)?;
                    r.skip(1)?;
                    types::bytes(r)?;
                    NodeId::read(r)?;
                    r.skip(4)?;
                }
            }
            500 => {
                for _ in 0..types::array(r)? {
                    nodes.note(NodeId::read(r)?.to_string());
                    r.skip(1)?;
                }
            }
            506 => {
                for _ in 0..types::array(r)? {
                    nodes.note(NodeId::read(r)?.to_string());
                    NodeId::read(r)?;
                    r.skip(1)?;
                    NodeId::read(r)?;
                    r.skip(1)?;
                }
            }
            437 | 12211 => {
                // The server's URI names it.
                if let Some(uri) = types::string(r)? {
                    nodes.note(uri);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Attribute number 13 is the value (OPC 10000-6, A.1).
const VALUE: u32 = 13;

/// 7.29: node, attribute, range, encoding.
fn read_value_id(r: &mut Reader<'_>) -> Result<(NodeId, u32)> {
    let node = NodeId::read(r)?;
    let attribute = r.u32_le()?;
    types::bytes(r)?;
    types::qualified_name(r)?;
    Ok((node, attribute))
}

/// OPC 10000-5, 8.3.2: the parts of the server's BuildInfo.
fn says_who(node: &NodeId) -> Option<&'static str> {
    Some(match node.standard()? {
        2261 => "model",
        2263 => "maker",
        2264 => "firmware",
        _ => return None,
    })
}

/// The nodes of one request, the first few by name.
#[derive(Default)]
struct Nodes {
    named: Vec<String>,
    others: usize,
    /// Attributes besides the value.
    attributes: Vec<&'static str>,
}

impl Nodes {
    fn add(&mut self, node: &NodeId, attribute: u32) {
        let name = attribute_name(attribute);
        if attribute != VALUE && !self.attributes.contains(&name) {
            self.attributes.push(name);
        }
        if self.named.len() < MOST_NODES {
            let name = node.to_string();
            // Several attributes of one node are one object.
            if self.named.last() != Some(&name) {
                self.named.push(name);
            }
        } else {
            self.others += 1;
        }
    }

    fn note(&mut self, name: String) {
        if self.named.len() < MOST_NODES {
            self.named.push(name);
        } else {
            self.others += 1;
        }
    }

    fn object(&self, cut: bool) -> Option<String> {
        let mut object = self.named.join(", ");
        match (cut, self.others) {
            (true, _) if !object.is_empty() => object.push_str(" and others"),
            (false, 1..) => object.push_str(&format!(" and {} others", self.others)),
            _ => {}
        }
        (!object.is_empty()).then_some(object)
    }

    fn attributes(&self) -> Option<String> {
        (!self.attributes.is_empty()).then(|| self.attributes.join(" "))
    }
}

/// OPC 10000-6, A.1.
const fn attribute_name(attribute: u32) -> &'static str {
    match attribute {
        1 => "NodeId",
        2 => "NodeClass",
        3 => "BrowseName",
        4 => "DisplayName",
        5 => "Description",
        6 => "WriteMask",
        7 => "UserWriteMask",
        8 => "IsAbstract",
        9 => "Symmetric",
        10 => "InverseName",
        11 => "ContainsNoLoops",
        12 => "EventNotifier",
        VALUE => "Value",
        14 => "DataType",
        15 => "ValueRank",
        16 => "ArrayDimensions",
        17 => "AccessLevel",
        18 => "UserAccessLevel",
        19 => "MinimumSamplingInterval",
        20 => "Historizing",
        21 => "Executable",
        22 => "UserExecutable",
        24 => "RolePermissions",
        25 => "UserRolePermissions",
        26 => "AccessRestrictions",
        27 => "AccessLevelEx",
        _ => "attribute",
    }
}

/// How many of the parts of a request went wrong, and the first reason; `None` where the answer does not go by parts.
pub(super) fn refused(service: Service, r: &mut Reader<'_>) -> Option<(usize, usize, u32)> {
    let each: fn(&mut Reader<'_>) -> Result<u32> = match service.request {
        // Write, AddReferences, DeleteNodes, DeleteReferences: a status each.
        673 | 494 | 500 | 506 => |r| r.u32_le(),
        488 => |r| {
            let status = r.u32_le()?;
            NodeId::read(r)?;
            Ok(status)
        },
        700 => |r| {
            let status = r.u32_le()?;
            let parts = types::array(r)?;
            r.skip(parts.saturating_mul(4))?;
            for _ in 0..types::array(r)? {
                types::diagnostic(r)?;
            }
            Ok(status)
        },
        // Call: status, results of the arguments, their diagnostics, output arguments.
        712 => |r| {
            let status = r.u32_le()?;
            let inputs = types::array(r)?;
            r.skip(inputs.saturating_mul(4))?;
            for _ in 0..types::array(r)? {
                types::diagnostic(r)?;
            }
            types::variants(r)?;
            Ok(status)
        },
        631 => |r| Ok(types::data_value(r)?.0),
        _ => return None,
    };
    let total = types::array(r).ok()?;
    let (mut bad, mut first) = (0, 0);
    for _ in 0..total {
        let Ok(status) = each(r) else { break };
        if types::is_bad(status) {
            bad += 1;
            if first == 0 {
                first = status;
            }
        }
    }
    Some((bad, total, first))
}

/// What the server says of itself in the answer to a read.
pub(super) fn identity(
    places: &[(usize, &'static str)],
    r: &mut Reader<'_>,
) -> Vec<(&'static str, String)> {
    let mut says = Vec::new();
    let total = types::array(r).unwrap_or(0).min(MOST_LOOKED);
    for place in 0..total {
        let Ok((_, value)) = types::data_value(r) else {
            break;
        };
        let what = places.iter().find(|(at, _)| *at == place);
        if let (Some((_, attribute)), Some(value)) = (what, value) {
            says.push((*attribute, value));
        }
    }
    says
}

/// 7.2: an application's URI and name; product, type, gateway, profile and URLs are passed over.
pub(super) struct Application {
    pub uri: Option<String>,
    pub name: Option<String>,
}

impl Application {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Application> {
        let uri = types::string(r)?;
        types::bytes(r)?;
        let name = types::localized_text(r)?;
        r.skip(4)?;
        types::bytes(r)?;
        types::bytes(r)?;
        types::strings(r)?;
        Ok(Application { uri, name })
    }
}

/// 5.6.2.2: what stands before the endpoints in the answer to CreateSession: session, token, time-out, nonce, certificate.
pub(super) fn session(r: &mut Reader<'_>) -> Result<()> {
    NodeId::skip(r)?;
    NodeId::skip(r)?;
    r.skip(8)?;
    types::bytes(r)?;
    types::bytes(r)?;
    Ok(())
}

/// Who activates a session (7.40): the user where there is one, and whether a password went readable.
pub(super) struct Token {
    pub who: Option<String>,
    pub user: Option<String>,
    pub readable_password: bool,
}

/// 5.6.3.2: signature of the client, certificates, locales, token.
pub(super) fn activation(r: &mut Reader<'_>) -> Result<Token> {
    types::bytes(r)?;
    types::bytes(r)?;
    for _ in 0..types::array(r)? {
        types::bytes(r)?;
        types::bytes(r)?;
    }
    types::strings(r)?;
    let (kind, body) = types::extension(r)?;
    let mut token = Token {
        who: None,
        user: None,
        readable_password: false,
    };
    let mut body = Reader::new(body);
    match kind.standard() {
        // An empty token is anonymous too.
        Some(0 | 321) => token.who = Some("anonymous".to_owned()),
        Some(324) => {
            types::bytes(&mut body)?;
            token.user = types::string(&mut body)?;
            let password = types::bytes(&mut body)?;
            let algorithm = types::bytes(&mut body)?;
            token.readable_password = password.is_some_and(|password| !password.is_empty())
                && algorithm.is_none_or(<[u8]>::is_empty);
            token.who = token.user.as_ref().map(|user| format!("user {user}"));
        }
        Some(327) => token.who = Some("certificate".to_owned()),
        Some(940) => token.who = Some("issued token".to_owned()),
        _ => {}
    }
    Ok(token)
}
