//! Two pictures become one, as if one worker had drawn it.
use facts::Evidence;
use facts::kinds::Operation;

use super::{Picture, Tally, limits, row};

/// The evidence of whichever was first; of the same capture the lowest frames of both.
fn evidence(
    into: &mut Evidence,
    into_first: facts::Time,
    other: Evidence,
    other_first: facts::Time,
) {
    if into.capture == other.capture {
        into.frames.extend(other.frames);
        into.frames.sort_unstable();
        into.frames.dedup();
        into.frames.truncate(Evidence::MOST);
    } else if (other_first, other.capture) < (into_first, into.capture) {
        *into = other;
    }
}

pub(super) fn tally(into: &mut Tally, other: Tally) {
    if into.count == 0 {
        *into = other;
        return;
    }
    evidence(&mut into.evidence, into.first, other.evidence, other.first);
    into.first = into.first.min(other.first);
    into.last = into.last.max(other.last);
    into.count += other.count;
}

pub(super) fn operation(into: &mut Operation, other: Operation) {
    evidence(&mut into.evidence, into.time, other.evidence, other.time);
    into.time = into.time.min(other.time);
    into.last = into.last.max(other.last);
    into.count += other.count;
}

impl Picture {
    /// Takes over everything that another worker saw of its own shard.
    pub fn merge(&mut self, other: Picture) {
        let Picture {
            addresses,
            identities,
            names,
            credentials,
            routes,
            oddities,
            operations,
            cyclic: _,
            conversations,
            sessions,
            frames,
            left_out,
        } = other;
        for (table, count) in left_out {
            *self.left_out.entry(table).or_default() += count;
        }
        for (key, value) in addresses {
            let Some(into) = row(
                &mut self.addresses,
                key,
                "addresses",
                limits::ADDRESSES,
                &mut self.left_out,
            ) else {
                continue;
            };
            into.claimed |= value.claimed;
            into.hops = match (into.hops, value.hops) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            tally(&mut into.tally, value.tally);
        }
        for (key, value) in names {
            let Some(into) = row(
                &mut self.names,
                key,
                "names",
                limits::NAMES,
                &mut self.left_out,
            ) else {
                continue;
            };
            if into.tally.count == 0 || value.tally.first < into.tally.first {
                into.client_mac = value.client_mac;
            }
            into.answered = match (into.answered, value.answered) {
                (Some(a), Some(b)) => Some(a || b),
                (a, b) => a.or(b),
            };
            into.answers.extend(value.answers);
            into.answers.sort_unstable();
            into.answers.dedup();
            into.answers.truncate(limits::ANSWERS);
            tally(&mut into.tally, value.tally);
        }
        macro_rules! tallies {
            ($($table:ident, $limit:ident;)*) => {$(
                for (key, value) in $table {
                    if let Some(into) = row(&mut self.$table, key, stringify!($table), limits::$limit, &mut self.left_out) {
                        tally(into, value);
                    }
                }
            )*};
        }
        tallies! {
            identities, IDENTITIES;
            credentials, CREDENTIALS;
            routes, ROUTES;
            oddities, ODDITIES;
        }
        for operation in operations {
            let protocol = crate::protocols::static_name(&operation.protocol);
            self.operation(operation, protocol);
        }
        for conversation in conversations {
            self.conversation(conversation);
        }
        self.sessions.extend(sessions);
        for (capture, counts) in frames {
            let into = self.frames.entry(capture).or_default();
            into.total += counts.total;
            into.undecoded += counts.undecoded;
            into.unclassified += counts.unclassified;
        }
    }
}
