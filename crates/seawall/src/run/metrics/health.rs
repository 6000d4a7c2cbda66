//! From numbers to a word: `ok`, or `degraded` with reasons that say what to look at.
use std::time::Duration;

use serde_json::json;

use super::{HistoryState, Metrics};
use crate::run::health::what_goes;
use crate::run::listen::shedding::Level;

/// A ring this full is about to lose packets.
const RING_FULL: f64 = 0.9;
/// What happens on the wire is out within two seconds, so decoding may not lag by more.
const LAG: Duration = Duration::from_secs(2);
/// Layer 2 speaks every few seconds on any VLAN with a switch in it.
const SILENCE: Duration = Duration::from_secs(300);
/// Intervals without a judging.
const MISSED: u32 = 5;

/// Whether the sensor does what it is there for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// A sentence each; empty when all is well.
    pub reasons: Vec<String>,
}

impl Health {
    pub fn is_ok(&self) -> bool {
        self.reasons.is_empty()
    }

    pub fn json(&self) -> String {
        let word = if self.is_ok() { "ok" } else { "degraded" };
        format!("{}\n", json!({ "status": word, "reasons": self.reasons }))
    }
}

pub(super) fn of(metrics: &Metrics) -> Health {
    let mut reasons = Vec::new();
    if metrics.interfaces.is_empty() && metrics.folders == 0 {
        reasons.push("Neither an interface nor a folder is watched.".to_owned());
    }
    for one in &metrics.interfaces {
        let name = format!("{} of sensor {}", one.interface, one.sensor);
        if !one.up {
            reasons.push(format!("{name} is down: nothing is seen there."));
        }
        let lost = one.kernel_drops_lately + one.card_missed_lately;
        if lost > 0 {
            reasons.push(format!("{name} lost {lost} packets in the last interval."));
        }
        if one.ring_fill >= RING_FULL {
            reasons.push(format!(
                "The ring of {name} is {:.0} % full.",
                one.ring_fill * 100.0
            ));
        }
        if one.shedding > Level::Nothing {
            let what = what_goes(one.shedding);
            reasons.push(format!(
                "More comes in on {name} than there is time for: {what}"
            ));
        }
        if let Some(why) = &one.not_kept {
            reasons.push(format!(
                "Packets of {name} are not kept: {why}. They are read and judged."
            ));
        }
        if one.lag > LAG {
            reasons.push(format!(
                "Decoding of {name} lags {} s behind the wire.",
                one.lag.as_secs()
            ));
        }
    }
    for one in metrics
        .vlans
        .iter()
        .filter(|one| one.expected && one.silence > SILENCE)
    {
        let name = one.vlan.map_or_else(
            || "Untagged traffic".to_owned(),
            |vlan| format!("VLAN {vlan}"),
        );
        reasons.push(format!(
            "{name} has been silent at sensor {} for {} s.",
            one.sensor,
            one.silence.as_secs()
        ));
    }
    match metrics.history.as_ref().map(|history| history.state) {
        Some(HistoryState::Full) => reasons
            .push("The disk of the history is full: judging goes on, nothing is kept.".to_owned()),
        Some(HistoryState::Failed) => reasons
            .push("The history cannot be written: judging goes on, nothing is kept.".to_owned()),
        Some(HistoryState::Writing) | None => {}
    }
    match &metrics.judge {
        None => reasons.push("Nothing was judged yet.".to_owned()),
        Some(judge) => {
            let since = u128::try_from(metrics.now.since(judge.at)).unwrap_or(0);
            if since > judge.every.saturating_mul(MISSED).as_nanos() {
                reasons.push(format!(
                    "The last judging was {} s ago.",
                    since / 1_000_000_000
                ));
            }
        }
    }
    for one in metrics.sinks.iter().filter(|one| !one.counts.working) {
        let problem = one.problem.as_deref().unwrap_or("it does not take events");
        reasons.push(format!("Events do not get out by {}: {problem}.", one.name));
    }
    Health { reasons }
}

#[test]
fn each_kind_of_blindness_is_named_and_a_finding_is_none() {
    use super::testing::well;
    let reasons = |change: fn(&mut Metrics)| {
        let mut metrics = well();
        change(&mut metrics);
        metrics.health().reasons
    };
    assert_eq!(
        reasons(|_| {}),
        [""; 0],
        "findings are the terminal's trouble, not the sensor's"
    );
    assert_eq!(
        well().health().json(),
        "{\"status\":\"ok\",\"reasons\":[]}\n"
    );
    assert_eq!(
        reasons(|m| m.interfaces[0].up = false),
        ["eth1 of sensor crane-span is down: nothing is seen there."]
    );
    assert_eq!(
        reasons(|m| m.interfaces[0].kernel_drops_lately = 9),
        ["eth1 of sensor crane-span lost 9 packets in the last interval."]
    );
    assert_eq!(
        reasons(|m| m.interfaces[0].card_missed_lately = 4),
        ["eth1 of sensor crane-span lost 4 packets in the last interval."]
    );
    assert_eq!(
        reasons(|m| m.interfaces[0].ring_fill = 0.97),
        ["The ring of eth1 of sensor crane-span is 97 % full."]
    );
    assert_eq!(
        reasons(|m| m.interfaces[0].not_kept = Some("no room".to_owned())),
        ["Packets of eth1 of sensor crane-span are not kept: no room. They are read and judged."]
    );
    assert_eq!(
        reasons(|m| m.interfaces[0].shedding = Level::Counted),
        [
            "More comes in on eth1 of sensor crane-span than there is time for: bulk is counted and not decoded."
        ]
    );
    assert_eq!(
        reasons(|m| m.vlans[0].silence = SILENCE * 2),
        ["VLAN 10 has been silent at sensor crane-span for 600 s."]
    );
    assert_eq!(
        reasons(|m| m.vlans[1].silence = SILENCE * 2),
        [""; 0],
        "nobody expects that VLAN"
    );
    assert_eq!(
        reasons(|m| m.history.as_mut().unwrap().state = HistoryState::Full).len(),
        1
    );
    assert_eq!(
        reasons(|m| m.now = m.now.plus_secs(11)),
        ["The last judging was 11 s ago."]
    );
    assert_eq!(reasons(|m| m.judge = None), ["Nothing was judged yet."]);
    assert_eq!(
        reasons(|m| {
            m.sinks[0].counts.working = false;
            m.sinks[0].problem = Some("logs.example:6514 cannot be reached: refused".to_owned());
        }),
        [
            "Events do not get out by syslog tls://logs.example:6514: logs.example:6514 cannot be reached: refused."
        ]
    );
}
