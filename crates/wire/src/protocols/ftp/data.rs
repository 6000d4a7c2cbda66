//! The data channel of FTP: its content belongs to the transfer that the control connection names.
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::cx::FlowView;
use crate::protocols::carried::{About, Content, Sum};
use crate::{Carrier, Cx, Decoder, Dialogue, Op, Outcome, Probe, Side, Step};

pub static DATA: Decoder = Decoder {
    name: "ftp-data",
    title: "FTP data",
    carriers: &[Carrier::Tcp(20)],
    // Announced by the control connection, never told by content.
    probe: |_| Probe::NotOurs,
    open: || Box::new(Data::default()),
    remote: false,
    operations: &[],
    about: "Data channels that FTP announced: the files in them, told as those of `ftp`.",
    spec: "RFC 959",
    blind: "listings of folders; data between two servers (the name of the file stays with the control connection)",
};

/// What the control connection and the data channel know together.
#[derive(Debug, Default)]
struct Channel {
    /// Set by the command; a channel for a listing has none.
    transfer: Option<Transfer>,
    client: Option<IpAddr>,
    /// The end that waits for the data, and whether the client of the control connection is it.
    waits: Option<(IpAddr, u16, bool)>,
    content: Content,
    flow: Option<FlowView>,
    opened: bool,
    /// Its first byte is that of the file.
    begun: bool,
    /// It came to its end.
    ended: bool,
    closed: bool,
}

/// A transfer as the control connection knows it.
#[derive(Debug)]
pub(super) struct Transfer {
    pub op: Op,
    pub user: Option<String>,
    pub upload: bool,
    /// As it is, not as lines of text.
    pub binary: bool,
    /// Where in the file it begins.
    pub from: u64,
    /// The control connection.
    pub control: FlowView,
    pub answer: Option<Answer>,
    pub op_told: bool,
}

/// How it ended: not told while it is still under way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Answer(pub Option<Outcome>);

/// Both ends hold it; they speak one after the other, in the order of the packets.
#[derive(Clone, Debug, Default)]
pub(super) struct Shared(Arc<Mutex<Channel>>);

impl Shared {
    pub(super) fn new(client: Option<IpAddr>, waits: (IpAddr, u16), by_client: bool) -> Shared {
        let (ip, port) = waits;
        Shared(Arc::new(Mutex::new(Channel {
            client,
            waits: Some((ip, port, by_client)),
            ..Channel::default()
        })))
    }

    fn open(&self) -> MutexGuard<'_, Channel> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn dialogue(&self) -> Box<dyn Dialogue> {
        Box::new(Data {
            channel: self.clone(),
        })
    }

    /// A command asks for a file over this channel.
    pub(super) fn begin(&self, transfer: Transfer) {
        self.open().transfer = Some(transfer);
    }

    /// Something of the transfer that a reply tells.
    pub(super) fn learn(&self, learn: impl FnOnce(&mut Transfer)) {
        if let Some(transfer) = &mut self.open().transfer {
            learn(transfer);
        }
    }

    /// The transfer is answered.
    pub(super) fn answer(&self, cx: &mut Cx<'_>, answer: Answer) {
        let mut channel = self.open();
        if let Some(transfer) = &mut channel.transfer {
            transfer.answer = Some(answer);
        }
        channel.answered(cx);
    }

    /// Nobody speaks of the transfer any more.
    pub(super) fn leave(&self, cx: &mut Cx<'_>, answer: Answer) {
        let mut channel = self.open();
        if let Some(transfer) = &mut channel.transfer {
            transfer.answer.get_or_insert(answer);
        }
        channel.answered(cx);
    }

    /// Another transfer begins: this one is told as it stands.
    pub(super) fn force(&self, cx: &mut Cx<'_>) {
        self.open().tell(cx);
    }
}

impl Channel {
    /// Who sends the file, by the sides of the data channel.
    fn sender(&self, flow: &FlowView, upload: bool) -> Side {
        let client_waits = self.waits.and_then(|(ip, port, by_client)| {
            let at =
                |side: Side| flow.end(side).address.ip() == Some(ip) && flow.end(side).port == port;
            let side = [Side::Client, Side::Server]
                .into_iter()
                .find(|side| at(*side))?;
            Some(if by_client { side } else { side.other() })
        });
        let client = client_waits.unwrap_or_else(|| {
            if flow.client.address.ip() == self.client {
                Side::Client
            } else {
                Side::Server
            }
        });
        if upload { client } else { client.other() }
    }

    /// Tells the operation, and the file if any of it was seen: what comes of it now is all.
    fn tell(&mut self, cx: &mut Cx<'_>) {
        let Some(mut transfer) = self.transfer.take() else {
            return;
        };
        let outcome = transfer.answer.and_then(|answer| answer.0);
        transfer.op.outcome = outcome;
        if let Some(flow) = self.flow.filter(|_| self.opened) {
            let sum = self.sum(&transfer, outcome);
            if sum.complete {
                transfer.op.content_bytes = Some(sum.bytes);
                transfer.op.content_sha256.clone_from(&sum.sha256);
            }
            let op = &transfer.op;
            let mut about = About {
                sender: Some(self.sender(&flow, transfer.upload)),
                upload: transfer.upload,
                path: op.object.clone(),
                user: transfer.user.clone(),
                detail: op.detail.clone(),
                outcome,
                asked: op.asked.clone(),
                ..About::default()
            };
            if !transfer.binary {
                about.remark("as text, with the line ends of the way");
            }
            if transfer.from > 0 {
                about.remark(&format!("from byte {} on", transfer.from));
            }
            cx.file_of(&flow, "ftp", about, sum);
        }
        transfer.tell_op(cx);
    }

    /// Content that is still on its way is told at its end; where none was seen yet, the operation does not wait for it.
    fn answered(&mut self, cx: &mut Cx<'_>) {
        if self.ended || self.closed {
            self.tell(cx);
        } else if let Some(transfer) = self.transfer.as_mut().filter(|_| !self.opened) {
            let op = transfer.op.clone();
            transfer.op.outcome = transfer.answer.and_then(|answer| answer.0);
            transfer.tell_op(cx);
            transfer.op = op;
        }
    }

    fn sum(&mut self, transfer: &Transfer, outcome: Option<Outcome>) -> Sum {
        let from_start = self.begun && transfer.from == 0;
        let stated = transfer.op.content_bytes;
        let stated = stated.filter(|_| transfer.binary && from_start);
        let content = std::mem::take(&mut self.content);
        let sum = content.finish(stated, self.ended && self.begun);
        if outcome != Some(Outcome::Refused) && transfer.from == 0 {
            return sum;
        }
        Sum {
            size: stated,
            missing: None,
            complete: false,
            sha256: None,
            ..sum
        }
    }
}

impl Transfer {
    fn tell_op(&mut self, cx: &mut Cx<'_>) {
        if !std::mem::replace(&mut self.op_told, true) {
            let op = std::mem::take(&mut self.op);
            cx.operation_of(&self.control, "ftp", op);
        }
    }
}

/// The data channel itself.
#[derive(Debug, Default)]
struct Data {
    channel: Shared,
}

impl Dialogue for Data {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let mut channel = self.channel.open();
        let upload = channel.transfer.as_ref().map(|transfer| transfer.upload);
        if upload.is_some_and(|upload| channel.sender(cx.flow, upload) != side) {
            return Step::Done;
        }
        if !channel.opened {
            channel.opened = true;
            channel.begun |= cx.flow.end(side).begun;
        }
        channel.flow = Some(*cx.flow);
        channel.content.take(cx, bytes);
        Step::Took(bytes.len())
    }

    fn bridge(&mut self, cx: &mut Cx<'_>, side: Side, lost: u64) -> bool {
        let mut channel = self.channel.open();
        let upload = channel.transfer.as_ref().map(|transfer| transfer.upload);
        if upload.is_none_or(|upload| channel.sender(cx.flow, upload) == side) {
            if !channel.opened {
                channel.begun |= cx.flow.end(side).begun;
                channel.opened = true;
            }
            channel.flow = Some(*cx.flow);
            channel.content.lose(lost);
        }
        true
    }

    fn over(&mut self, cx: &mut Cx<'_>, side: Side) {
        let mut channel = self.channel.open();
        let Some(transfer) = &channel.transfer else {
            return;
        };
        let answered = transfer.answer.is_some();
        if channel.sender(cx.flow, transfer.upload) != side {
            return;
        }
        if !channel.opened {
            // An empty file.
            channel.begun |= cx.flow.end(side).begun;
            channel.opened = true;
        }
        channel.flow = Some(*cx.flow);
        channel.ended = true;
        if answered {
            channel.tell(cx);
        }
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        let mut channel = self.channel.open();
        channel.closed = true;
        if channel.opened {
            channel.flow = Some(*cx.flow);
        }
        if channel
            .transfer
            .as_ref()
            .is_some_and(|transfer| transfer.answer.is_some())
        {
            channel.tell(cx);
        }
    }
}
