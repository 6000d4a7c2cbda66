//! Two pictures become one, as if one worker had drawn it.
use facts::kinds::Operation;

use super::{ANSWERS, Picture, Tally, row};

pub(super) fn tally(into: &mut Tally, other: Tally) {
    if into.count == 0 {
        *into = other;
        return;
    }
    into.evidence.merge(other.evidence);
    into.first = into.first.min(other.first);
    into.last = into.last.max(other.last);
    into.count += other.count;
}

pub(super) fn operation(into: &mut Operation, other: Operation) {
    into.evidence.merge(other.evidence);
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
            certificates,
            routes,
            oddities,
            reported,
            operations,
            cyclic: _,
            told: _,
            limits: _,
            files,
            pages: _,
            clocks,
            budget: _,
            conversations,
            sessions,
            frames,
            vlans,
            left_out,
        } = other;
        for (table, count) in left_out {
            *self.left_out.entry(table).or_default() += count;
        }
        for (key, value) in addresses {
            let (limit, left_out) = (self.limits.addresses, &mut self.left_out);
            let Some(into) = self.addresses.row(key, "addresses", limit, left_out) else {
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
            let (limit, left_out) = (self.limits.names, &mut self.left_out);
            let Some(into) = self.names.row(key, "names", limit, left_out) else {
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
            into.answers.truncate(ANSWERS);
            tally(&mut into.tally, value.tally);
        }
        for (key, value) in certificates {
            let (limit, left_out) = (self.limits.certificates, &mut self.left_out);
            let into = row(&mut self.certificates, key, "certificates", limit, left_out);
            if let Some(into) = into {
                into.says = into.says.take().or(value.says);
                tally(&mut into.tally, value.tally);
            }
        }
        macro_rules! tallies {
            ($($table:ident;)*) => {$(
                for (key, value) in $table {
                    if let Some(into) = row(&mut self.$table, key, stringify!($table), self.limits.$table, &mut self.left_out) {
                        tally(into, value);
                    }
                }
            )*};
        }
        tallies! {
            identities;
            credentials;
            routes;
            oddities;
            reported;
        }
        self.merge_clocks(clocks);
        self.vlans.merge(vlans);
        for operation in operations {
            let protocol = crate::protocols::static_name(&operation.protocol);
            self.operation(operation, protocol);
        }
        for file in files {
            self.file(file);
        }
        for conversation in conversations {
            self.conversation(conversation);
        }
        for session in sessions {
            self.session(session);
        }
        for (capture, counts) in frames {
            self.count_frames(capture, counts);
        }
    }
}

#[cfg(test)]
mod tests {
    use facts::Time;

    use super::*;

    #[test]
    fn parts_of_overlapping_captures_add_up_in_any_order() {
        let part = |time: i64, capture: u32, frame: u32| Tally::new(Time(time), capture, &[frame]);
        let parts = [part(5, 1, 2), part(3, 0, 1), part(6, 0, 4), part(9, 1, 7)];
        let sum = |order: [usize; 4]| {
            let mut sum = Tally::default();
            for nth in order {
                tally(&mut sum, parts[nth].clone());
            }
            sum
        };
        let expected = sum([0, 1, 2, 3]);
        assert_eq!(expected.evidence.frames.as_slice(), [1, 4]);
        for order in [[3, 2, 1, 0], [0, 3, 2, 1], [2, 0, 1, 3], [1, 3, 0, 2]] {
            assert_eq!(sum(order), expected);
        }
        let mut counted = parts[0].clone();
        counted.again(Time(6), 0, &[4]);
        counted.again(Time(9), 1, &[7]);
        counted.take(parts[1].clone());
        assert_eq!(counted, expected);
    }
}
