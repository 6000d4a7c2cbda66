//! How much a worker may hold. What does not fit is counted and reported as coverage.
use facts::kinds::Verb;

/// Sizes of the tables of one worker. The default is for captures read as a whole, [`Limits::live`] for a small box that
/// runs for years and hands on what it saw every few seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Rows of MAC, IP and VLAN in use, and claimed by ARP.
    pub addresses: usize,
    /// Rows of things known of devices.
    pub identities: usize,
    /// Senders whose TCP timestamps are looked at.
    pub clocks: usize,
    /// Rows of names looked up or asked for.
    pub names: usize,
    /// Rows of secrets sent in the clear.
    pub credentials: usize,
    /// Rows of certificates shown.
    pub certificates: usize,
    /// Rows of ways out of a network.
    pub routes: usize,
    /// Rows of what should not be on a healthy wire.
    pub oddities: usize,
    /// Addresses of which somebody else reports traffic.
    pub reported: usize,
    /// Rows of operations.
    pub operations: usize,
    /// Rows of files carried.
    pub files: usize,
    /// Rows of conversations told since the last [`take`](crate::Worker::take), and of remote sessions.
    pub conversations: usize,
    /// Conversations under way.
    pub flows: usize,
    /// Bytes that wait in all flows together for what comes before them, or for the rest of their message.
    pub waiting_bytes: usize,
    /// Channels that a protocol announced and that did not open yet.
    pub expected: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            addresses: 1 << 20,
            identities: 1 << 19,
            clocks: 1 << 18,
            names: 1 << 20,
            credentials: 1 << 16,
            certificates: 1 << 16,
            routes: 1 << 16,
            oddities: 1 << 16,
            reported: 1 << 18,
            operations: 1 << 21,
            files: 1 << 20,
            conversations: 1 << 22,
            flows: 1 << 20,
            waiting_bytes: 1 << 30,
            expected: 4096,
        }
    }
}

impl Limits {
    /// For a sensor that tells every few seconds. All tables full are some 420 MB: 105 of flows (400 bytes each), 27 of conversations (208 bytes each), 60 of operations and 25 of names (with what they name,
    /// less than a kilobyte and 400 bytes each), 15 of files and 16 of what dialogues keep of files, handshakes and offers
    /// under way (one budget for all flows), 30 of addresses and identities, 8 of clocks, 64 of bytes that wait and 64 of fragments. What
    /// else a dialogue keeps, some hundred bytes as a rule and as much as its own limits allow, comes on top.
    pub const fn live() -> Limits {
        Limits {
            addresses: 1 << 16,
            identities: 1 << 16,
            clocks: 1 << 14,
            names: 1 << 16,
            credentials: 1 << 14,
            certificates: 1 << 12,
            routes: 1 << 14,
            oddities: 1 << 14,
            reported: 1 << 12,
            operations: 1 << 16,
            files: 1 << 14,
            conversations: 1 << 17,
            flows: 1 << 18,
            waiting_bytes: 1 << 26,
            expected: 4096,
        }
    }
}

impl Limits {
    /// An eighth of the operations is kept for those that are a row of their own: whoever reads all objects of a
    /// controller does not hide that it is stopped.
    pub(crate) const fn cyclic_operations(&self) -> usize {
        self.operations - self.operations / 8
    }

    /// Files keep out of it too: each is a row of its own, and whoever may write a file may write any number.
    pub(crate) const fn single_operations(&self, verb: Verb) -> usize {
        match verb {
            Verb::FileRead | Verb::FileWrite | Verb::FileDelete => self.cyclic_operations(),
            _ => self.operations,
        }
    }

    /// Half of the files is kept for those that are no part of a page: a screen that is polled does not hide them.
    pub(crate) const fn pages(&self) -> usize {
        self.files - self.files / 2
    }

    /// Half of the conversations is kept for those in which something was said: a scan does not hide them.
    pub(crate) const fn conversations_for(&self, said: bool) -> usize {
        if said {
            self.conversations
        } else {
            self.conversations - self.conversations / 2
        }
    }
}

/// Answers kept per name.
pub(crate) const ANSWERS: usize = 16;
