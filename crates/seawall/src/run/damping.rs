//! What toggles is told once with a count, not each time: a finding at the edge of what is seen, an interface with a loose
//! cable. The first changes are told at once; what goes on changing is held until it has been steady for [`STEADY`], and
//! told in between every [`LONGEST`].
use std::collections::BTreeMap;
use std::time::Duration;

use report::events::{Event, Trouble, What};

/// Changes of one thing that are told at once, if they come within [`STEADY`] of each other.
const AT_ONCE: u32 = 3;
/// Without a change for so long, it has come to rest.
const STEADY: Duration = Duration::from_secs(300);
/// What does not come to rest is told again after this long.
const LONGEST: Duration = Duration::from_secs(1800);
/// Things that are watched for this; beyond them all is told at once.
const MOST: usize = 1 << 14;

#[derive(Debug)]
struct Thing {
    /// Changes since it was at rest.
    changes: u32,
    last: Duration,
    /// The latest change that was held, how many were, and since when.
    held: Option<(Event, u32, Duration)>,
}

/// What changed lately, by what it is.
#[derive(Debug, Default)]
pub struct Damping {
    things: BTreeMap<String, Thing>,
}

/// What an event is a change of; `None` for what does not toggle.
fn of(event: &Event) -> Option<String> {
    Some(match &event.what {
        What::Verdict(change) => format!("verdict {}", change.measure.id),
        What::Opened(finding) => format!("finding {}", finding.id),
        What::Closed(closed) => format!("finding {}", closed.id),
        What::Health(health) => match health.trouble {
            Trouble::InterfaceDown | Trouble::InterfaceUp => {
                format!("interface {}", health.about.as_deref().unwrap_or_default())
            }
            _ => return None,
        },
        What::Again(_) => return None,
    })
}

impl Damping {
    /// The events that are to be told now.
    pub fn pass(&mut self, events: Vec<Event>, now: Duration) -> Vec<Event> {
        events
            .into_iter()
            .filter_map(|event| self.consider(event, now))
            .collect()
    }

    fn consider(&mut self, event: Event, now: Duration) -> Option<Event> {
        let Some(key) = of(&event) else {
            return Some(event);
        };
        if self.things.len() >= MOST && !self.things.contains_key(&key) {
            return Some(event);
        }
        let thing = self.things.entry(key).or_insert(Thing {
            changes: 0,
            last: now,
            held: None,
        });
        thing.changes = thing.changes.saturating_add(1);
        thing.last = now;
        if thing.changes <= AT_ONCE {
            return Some(event);
        }
        let (count, since) = match &thing.held {
            Some((_, count, since)) => (count.saturating_add(1), *since),
            None => (1, now),
        };
        thing.held = Some((event, count, since));
        None
    }

    /// What was held and has come to rest, or has not for too long; each with how often it changed.
    pub fn due(&mut self, now: Duration) -> Vec<Event> {
        let mut due = Vec::new();
        self.things.retain(|_, thing| {
            let steady = now.saturating_sub(thing.last) >= STEADY;
            let long = |since: &Duration| now.saturating_sub(*since) >= LONGEST;
            if steady || thing.held.as_ref().is_some_and(|(_, _, since)| long(since)) {
                due.extend(thing.held.take().map(counted));
            }
            !steady
        });
        due
    }

    /// Whether anything is held: it was seen, and nobody was told.
    pub fn is_holding(&self) -> bool {
        self.things.values().any(|thing| thing.held.is_some())
    }

    /// All that is held, at the end.
    pub fn rest(&mut self) -> Vec<Event> {
        let things = std::mem::take(&mut self.things).into_values();
        things.filter_map(|thing| thing.held.map(counted)).collect()
    }
}

/// Says in the event how often there was one like it.
fn counted((mut event, count, _): (Event, u32, Duration)) -> Event {
    let note = format!(" It changed to and fro: {count} changes were not told one by one.");
    match &mut event.what {
        What::Verdict(change) => change.summary.push_str(&note),
        What::Opened(finding) | What::Again(finding) => finding.reason.push_str(&note),
        What::Closed(closed) => closed.why.push_str(&note),
        What::Health(health) => health.detail.push_str(&note),
    }
    event
}

#[cfg(test)]
mod tests {
    use facts::Time;
    use report::events::Health;

    use super::*;

    fn link(up: bool) -> Event {
        let trouble = if up {
            Trouble::InterfaceUp
        } else {
            Trouble::InterfaceDown
        };
        Event::health(Time(0), Health::new(trouble, Some("eth1"), "It is so."))
    }

    #[test]
    fn what_toggles_is_told_once_with_a_count_when_it_has_come_to_rest() {
        let mut damping = Damping::default();
        let at = Duration::from_secs;
        let told = (0..100).map(|n| damping.pass(vec![link(n % 2 == 0)], at(n)).len());
        assert_eq!(told.sum::<usize>(), 3);
        assert_eq!(damping.due(at(398)), []);
        assert!(damping.is_holding());
        let [event] = damping.due(at(399)).try_into().unwrap();
        let What::Health(health) = event.what else {
            panic!("it is of the sensor's health");
        };
        assert_eq!(health.trouble, Trouble::InterfaceDown, "as it is now");
        assert!(health.detail.contains("97 changes"), "{}", health.detail);
        assert!(!damping.is_holding());
        // It came to rest: what changes next is told at once.
        assert_eq!(damping.pass(vec![link(true)], at(400)).len(), 1);
        assert_eq!(damping.rest(), []);

        // What never rests is told now and then, and what does not toggle always.
        let mut damping = Damping::default();
        let told = (0..36).map(|n| {
            let passed = damping.pass(vec![link(n % 2 == 0)], at(n * 100));
            passed.len() + damping.due(at(n * 100)).len()
        });
        assert_eq!(told.sum::<usize>(), 3 + 1);
        let drops = Event::health(Time(0), Health::new(Trouble::Drops, Some("eth1"), "So."));
        assert_eq!(damping.pass(vec![drops; 50], at(4000)).len(), 50);
    }
}
