//! Which packets come in, and which worker each goes to: programs that the kernel runs on each.
//!
//! The kernel's own choice, a hash of addresses and ports, would part an FTP command from its data, and fragments from
//! their first. Here all packets between two hosts meet in one worker, in both directions, as the offline sensor has it
//! (`wire::Shard`): the program hashes the pair of IPv4 or IPv6 addresses, looking past VLAN tags, and the pair of MAC
//! addresses for all else. Nothing is reassembled on the way, so that fragments arrive as they were on the wire.
//!
//! Spec: classic BPF, Documentation/networking/filter.rst of the kernel.
use libc::sock_filter;

/// Tags looked past, besides one that the network card or the kernel has taken off already.
const MOST_TAGS: usize = 3;
const TAGS: [u32; 4] = [0x8100, 0x88a8, 0x9100, 0x9200];

const IPV4: u32 = 0x0800;
const IPV6: u32 = 0x86dd;
/// PACKET_OUTGOING of linux/if_packet.h: such a packet still has its link header before it.
const OUTGOING: u32 = 4;
const ETHERNET: u32 = 14;
/// BPF_A of linux/filter.h: a return gives what is in A.
const RETURN_A: u32 = 0x10;

/// Where a jump may go to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Label {
    Sent,
    Received,
    Mac,
    V4,
    V6,
    Mix,
    Tagged(usize),
}

/// A program in the making; jumps are filled in when it is whole.
#[derive(Default)]
struct Program {
    code: Vec<sock_filter>,
    jumps: Vec<(usize, Label)>,
    labels: Vec<(Label, usize)>,
}

impl Program {
    fn op(&mut self, code: u32, k: u32) {
        self.code.push(sock_filter {
            code: u16::try_from(code).unwrap_or(0),
            jt: 0,
            jf: 0,
            k,
        });
    }

    /// Goes to the label if A is that value.
    fn jump_if(&mut self, value: u32, to: Label) {
        self.jumps.push((self.code.len(), to));
        self.op(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value);
    }

    fn jump(&mut self, to: Label) {
        self.jumps.push((self.code.len(), to));
        self.op(libc::BPF_JMP | libc::BPF_JA, 0);
    }

    fn here(&mut self, label: Label) {
        self.labels.push((label, self.code.len()));
    }

    fn finish(mut self) -> Vec<sock_filter> {
        for (from, label) in self.jumps {
            let to = self.labels.iter().find(|(known, _)| *known == label);
            let Some((op, (_, to))) = self.code.get_mut(from).zip(to) else {
                continue;
            };
            let over = to.saturating_sub(from + 1);
            if u32::from(op.code) == libc::BPF_JMP | libc::BPF_JA {
                op.k = u32::try_from(over).unwrap_or(0);
            } else {
                op.jt = u8::try_from(over).unwrap_or(0);
            }
        }
        self.code
    }

    /// A = what the kernel knows of the packet.
    fn ancillary(&mut self, what: libc::c_int) {
        let at = (libc::SKF_AD_OFF + what).cast_unsigned();
        self.op(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, at);
    }

    fn packet_type(&mut self) {
        self.ancillary(libc::SKF_AD_PKTTYPE);
    }

    /// A = word at X + k.
    fn word(&mut self, k: u32) {
        self.op(libc::BPF_LD | libc::BPF_W | libc::BPF_IND, k);
    }

    /// A = half a word at X + k.
    fn half(&mut self, k: u32) {
        self.op(libc::BPF_LD | libc::BPF_H | libc::BPF_IND, k);
    }

    fn store(&mut self, slot: u32) {
        self.op(libc::BPF_ST, slot);
    }

    fn load(&mut self, slot: u32) {
        self.op(libc::BPF_LD | libc::BPF_MEM, slot);
    }

    fn load_x(&mut self, slot: u32) {
        self.op(libc::BPF_LDX | libc::BPF_MEM, slot);
    }

    fn alu(&mut self, operation: u32, k: u32) {
        self.op(libc::BPF_ALU | operation | libc::BPF_K, k);
    }

    fn alu_x(&mut self, operation: u32) {
        self.op(libc::BPF_ALU | operation | libc::BPF_X, 0);
    }

    /// X = A.
    fn tax(&mut self) {
        self.op(libc::BPF_MISC | libc::BPF_TAX, 0);
    }
}

/// What a filter returns: how many bytes of the packet are let in.
const NONE: u32 = 0;
const ALL: u32 = u32::MAX;

/// Lets nothing in: for a tap that is not in its group yet.
pub(super) fn nothing() -> Vec<sock_filter> {
    let mut p = Program::default();
    p.op(libc::BPF_RET | libc::BPF_K, NONE);
    p.finish()
}

pub(super) fn everything() -> Vec<sock_filter> {
    let mut p = Program::default();
    p.op(libc::BPF_RET | libc::BPF_K, ALL);
    p.finish()
}

/// Lets in what this machine does not send itself.
pub(super) fn incoming() -> Vec<sock_filter> {
    let mut p = Program::default();
    p.packet_type();
    p.jump_if(OUTGOING, Label::Sent);
    p.op(libc::BPF_RET | libc::BPF_K, ALL);
    p.here(Label::Sent);
    p.op(libc::BPF_RET | libc::BPF_K, NONE);
    p.finish()
}

/// Gives a number that is the same for all packets between two hosts; the kernel takes it modulo the number of taps.
pub(super) fn by_hosts() -> Vec<sock_filter> {
    let link = |at: i32| (libc::SKF_LL_OFF + at).cast_unsigned();
    let mut p = Program::default();

    // X: where the network header begins.
    p.packet_type();
    p.jump_if(OUTGOING, Label::Sent);
    p.op(libc::BPF_LDX | libc::BPF_IMM, 0);
    p.jump(Label::Received);
    p.here(Label::Sent);
    p.op(libc::BPF_LDX | libc::BPF_IMM, ETHERNET);
    p.here(Label::Received);

    // A: EtherType.
    p.ancillary(libc::SKF_AD_PROTOCOL);
    for depth in 0..=MOST_TAGS {
        p.jump_if(IPV4, Label::V4);
        p.jump_if(IPV6, Label::V6);
        if depth < MOST_TAGS {
            for tag in TAGS {
                p.jump_if(tag, Label::Tagged(depth));
            }
        }
        p.jump(Label::Mac);
        if depth < MOST_TAGS {
            p.here(Label::Tagged(depth));
            p.half(2);
            p.store(0);
            p.op(libc::BPF_MISC | libc::BPF_TXA, 0);
            p.alu(libc::BPF_ADD, 4);
            p.tax();
            p.load(0);
        }
    }

    // The last four bytes of a MAC address and the first two, folded; target first.
    p.here(Label::Mac);
    for (address, slot) in [(0, 0), (6, 1)] {
        p.op(libc::BPF_LD | libc::BPF_H | libc::BPF_ABS, link(address));
        p.tax();
        p.op(
            libc::BPF_LD | libc::BPF_W | libc::BPF_ABS,
            link(address + 2),
        );
        p.alu_x(libc::BPF_XOR);
        p.store(slot);
    }
    p.jump(Label::Mix);

    p.here(Label::V4);
    p.word(12);
    p.store(0);
    p.word(16);
    p.store(1);
    p.jump(Label::Mix);

    // X is needed to read, so all words are read first and folded then.
    p.here(Label::V6);
    for (at, slot) in (8..40).step_by(4).zip(2..) {
        p.word(at);
        p.store(slot);
    }
    for (words, slot) in [([2, 3, 4, 5], 0), ([6, 7, 8, 9], 1)] {
        p.op(libc::BPF_LD | libc::BPF_IMM, 0);
        for word in words {
            p.load_x(word);
            p.alu_x(libc::BPF_XOR);
        }
        p.store(slot);
    }

    // Both ends stand in slots 0 and 1. What follows is the same whichever is which, and spreads neighbours.
    p.here(Label::Mix);
    p.load(1);
    p.load_x(0);
    p.alu_x(libc::BPF_XOR);
    p.alu(libc::BPF_MUL, 0x9e37_79b1);
    p.store(2);
    p.load(1);
    p.alu_x(libc::BPF_ADD);
    p.load_x(2);
    p.alu_x(libc::BPF_XOR);
    for (shift, factor) in [(16, 0x85eb_ca6b), (13, 0xc2b2_ae35)] {
        p.tax();
        p.alu(libc::BPF_RSH, shift);
        p.alu_x(libc::BPF_XOR);
        p.alu(libc::BPF_MUL, factor);
    }
    p.alu(libc::BPF_RSH, 16);
    p.op(libc::BPF_RET | RETURN_A, 0);
    p.finish()
}
