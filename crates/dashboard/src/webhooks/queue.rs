//! What a webhook still has to be told: which workspaces changed, which wait after a refusal, a few at a time.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use sqlx::PgPool;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::counts::Counts;
use super::deliver::{Outcome, begin, deliver};
use super::file::Hook;
use super::lock::Held;

/// Workspaces that are delivered at once, to one receiver.
const AT_ONCE: usize = 8;
/// The first wait after a refusal; each next is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);
/// Holes that were waited for are passed without anything having changed.
const LOOK_AT_ALL_EVERY: Duration = Duration::from_secs(60);

/// When to try again.
#[derive(Clone, Copy, Debug, Default)]
struct Pause {
    refusals: u32,
    until: Option<Instant>,
}

impl Pause {
    fn over(&self) -> bool {
        self.until.is_none_or(|until| until <= Instant::now())
    }

    fn longer(&mut self, asked: Option<Duration>) {
        let wait = FIRST_WAIT.saturating_mul(1 << self.refusals.min(10)).min(LONGEST_WAIT);
        // So that those who wait for the same do not all come at once.
        let part = u32::from(random() % 64);
        let wait = wait + wait * part / 256;
        self.refusals += 1;
        self.until = Some(Instant::now() + wait.max(asked.unwrap_or_default()));
    }
}

/// Workspaces in the order in which they came, each once: none is passed over because of its name.
#[derive(Default)]
struct Line {
    order: BTreeMap<u64, String>,
    known: HashSet<String>,
    next: u64,
}

impl Line {
    fn push(&mut self, workspace: String) {
        if self.known.insert(workspace.clone()) {
            self.order.insert(self.next, workspace);
            self.next += 1;
        }
    }

    /// Takes the first that is ready.
    fn take(&mut self, ready: impl Fn(&str) -> bool) -> Option<String> {
        let place = *self.order.iter().find(|(_, name)| ready(name))?.0;
        let workspace = self.order.remove(&place)?;
        self.known.remove(&workspace);
        Some(workspace)
    }

    fn iter(&self) -> impl Iterator<Item = &String> {
        self.order.values()
    }
}

/// The work that is left.
#[derive(Default)]
struct Queue {
    versions: HashMap<String, i64>,
    waiting: Line,
    busy: HashSet<String>,
    pauses: HashMap<String, Pause>,
    whole: Pause,
}

/// Delivers to one webhook until the database is lost.
pub(super) async fn work(
    hook: Arc<Hook>,
    client: Client,
    pool: PgPool,
    held: Held,
    mut looks: watch::Receiver<u64>,
    counts: Arc<Counts>,
) {
    if let Err(error) = begin(&hook, &held).await {
        tracing::warn!(webhook = hook.name(), %error, "a webhook cannot begin");
        return;
    }
    let mut queue = Queue::default();
    let mut deliveries = JoinSet::new();
    let mut looked_at_all = Instant::now();
    looks.mark_changed();
    loop {
        while let Some(workspace) = queue.next() {
            let delivery = deliver(
                hook.clone(),
                client.clone(),
                pool.clone(),
                held.clone(),
                counts.clone(),
                workspace.clone(),
            );
            deliveries.spawn(async move { (workspace, delivery.await) });
        }
        let retry = queue.retry();
        tokio::select! {
            Some(done) = deliveries.join_next() => match done {
                Ok((workspace, Ok(outcome))) => queue.done(&hook, workspace, outcome),
                Ok((_, Err(error))) => {
                    tracing::warn!(webhook = hook.name(), %error, "what a webhook is to be told cannot be read or noted");
                    return;
                }
                Err(error) => {
                    tracing::error!(webhook = hook.name(), %error, "a delivery broke off");
                    return;
                }
            },
            changed = looks.changed() => {
                if changed.is_err() {
                    return;
                }
                if looked_at_all.elapsed() > LOOK_AT_ALL_EVERY {
                    looked_at_all = Instant::now();
                    queue.versions.clear();
                }
                // Looked for again at the next change, or two seconds later.
                if let Err(error) = queue.look(&pool).await {
                    tracing::debug!(webhook = hook.name(), %error, "a webhook cannot look for changes");
                }
            }
            () = sleep_until(retry) => {}
        }
    }
}

impl Queue {
    /// Puts in line whatever changed since the last look.
    async fn look(&mut self, pool: &PgPool) -> Result<(), sqlx::Error> {
        let versions: Vec<(String, i64)> =
            sqlx::query_as("select workspace, version from workspaces").fetch_all(pool).await?;
        for (workspace, version) in versions {
            if self.versions.get(&workspace) != Some(&version) {
                self.waiting.push(workspace.clone());
                self.versions.insert(workspace, version);
            }
        }
        Ok(())
    }

    /// The next workspace to deliver, if there may be one more now.
    fn next(&mut self) -> Option<String> {
        if self.busy.len() >= AT_ONCE || !self.whole.over() {
            return None;
        }
        let (busy, pauses) = (&self.busy, &self.pauses);
        let ready = |name: &str| !busy.contains(name) && pauses.get(name).is_none_or(Pause::over);
        let workspace = self.waiting.take(ready)?;
        self.busy.insert(workspace.clone());
        Some(workspace)
    }

    /// When a pause ends.
    fn retry(&self) -> Instant {
        let now = Instant::now();
        let pauses = self.waiting.iter().filter_map(|name| self.pauses.get(name)?.until);
        let soonest = pauses.chain(self.whole.until).filter(|until| *until > now).min();
        soonest.unwrap_or(now + LONGEST_WAIT)
    }

    fn done(&mut self, hook: &Hook, workspace: String, outcome: Outcome) {
        self.busy.remove(&workspace);
        match outcome {
            Outcome::Done => {
                self.whole = Pause::default();
                self.pauses.remove(&workspace);
            }
            Outcome::More => {
                self.whole = Pause::default();
                self.pauses.remove(&workspace);
                self.waiting.push(workspace);
            }
            Outcome::Refused(refusal) => {
                if self.whole.over() {
                    tracing::warn!(
                        webhook = hook.name(),
                        workspace,
                        why = refusal.why,
                        "a webhook did not take an event"
                    );
                }
                if !refusal.whole {
                    self.pauses.entry(workspace.clone()).or_default().longer(refusal.wait);
                } else if self.whole.over() {
                    // Those that were under way fail for the same reason: one pause for all.
                    self.whole.longer(refusal.wait);
                }
                self.waiting.push(workspace);
            }
        }
    }
}

fn random() -> u8 {
    let mut byte = [0];
    // Without it nothing is lost but the spread.
    let _ = getrandom::fill(&mut byte);
    byte[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However much the first have to be told, and however often they change.
    #[test]
    fn each_workspace_has_its_turn() {
        let mut queue = Queue::default();
        let names: Vec<String> = (b'a'..=b't').map(|letter| char::from(letter).to_string()).collect();
        names.iter().for_each(|name| queue.waiting.push(name.clone()));
        let mut told = HashSet::new();
        for _ in 0..names.len() {
            let workspace = queue.next().unwrap();
            told.insert(workspace.clone());
            queue.busy.remove(&workspace);
            queue.waiting.push(workspace);
            queue.waiting.push("a".to_owned());
        }
        assert_eq!(told.len(), names.len());
    }

    #[test]
    fn who_waits_or_is_busy_is_passed_over_and_keeps_its_place() {
        let mut line = Line::default();
        ["c", "a", "b", "a"].into_iter().for_each(|name| line.push(name.to_owned()));
        assert_eq!(line.take(|name| name != "c").as_deref(), Some("a"));
        assert_eq!(line.take(|_| true).as_deref(), Some("c"));
        line.push("a".to_owned());
        assert_eq!(line.iter().collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(line.take(|_| false), None);
    }
}
