//! Supervisors killed at each point of a swap, containers and backends killed by hand, images that are no good: in the
//! end exactly one container runs, and the log tells what happened.
#![cfg(debug_assertions)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::thread::sleep;
use std::time::Duration;
use workshop_testing::cli::{On, User, examples};
use workshop_testing::{on_engines, rounds, until};

/// The points on the road to a swap, and on the way back from one.
const THERE: [&str; 6] = ["asked", "new-created", "old-stopped", "new-started", "new-ready", "old-removed"];
const BACK: [&str; 3] = ["new-stopped", "old-started", "failure-reported"];

on_engines!(
    a_supervisor_killed_on_the_road,
    a_supervisor_killed_on_the_way_back,
    stopped_in_the_middle_of_a_swap,
    a_supervisor_killed_while_another_lives,
    the_old_container_started_again_meanwhile,
    an_image_that_is_no_good,
    a_backend_killed_by_hand,
    a_container_killed_by_hand;
    on Docker too: a_supervisor_killed_on_the_road, the_old_container_started_again_meanwhile,
);

fn git() -> String {
    examples().join("git-basics").display().to_string()
}

/// One container runs, it serves, and the log has each of these once.
fn check_log(user: &User, request: &str, fulfilled: usize, failed: usize) {
    until("one container is left", || user.containers().len() == 1);
    let found = (
        user.count("switch_requested", request),
        user.count("backend_started", request),
        user.count("switch_failed", request),
    );
    assert_eq!(found, (1, fulfilled, failed), "asked, fulfilled, failed");
}

fn a_supervisor_killed_on_the_road(on: On) {
    let user = User::new(on);
    // On an engine each takes long, so every other is enough there until it is soaked; in a sandbox all are taken.
    let every = if on == On::Sandbox { 1 } else { rounds(2, 1) };
    let points = THERE.into_iter().cycle().skip(every - 1).step_by(every);
    // Each point has the other step than the one before it, in the next round too.
    for (number, point) in points.take(THERE.len() * rounds(1, 5) / every).enumerate() {
        let step = ["branches", "share"][number % 2];
        let mut supervisor = user.supervisor(&git(), &[("FAILPOINTS", &format!("{point}=return"))]);
        let request = user.request(step, "switch");
        supervisor.ends();
        // A look changes nothing, and shows one workspace; the next command that acts finishes it.
        let before = user.containers();
        let rows: serde_json::Value = serde_json::from_str(&user.ok(&["list", "--output", "json"])).unwrap();
        let named = |row: &&serde_json::Value| row["name"] == user.name.as_str();
        assert_eq!(rows.as_array().unwrap().iter().filter(named).count(), 1, "{rows}");
        assert_eq!(user.containers(), before);
        user.run(&git(), &[]);
        user.arrives(step);
        check_log(&user, &request, 1, 0);
    }
}

fn a_supervisor_killed_on_the_way_back(on: On) {
    let user = User::new(on);
    let workshop = user.copy("git-basics");
    user.run(&workshop, &[]);
    user.spoil(&workshop, "take-it-back");
    for point in BACK.into_iter().cycle().take(BACK.len() * rounds(1, 5)) {
        let built = user.built(&workshop);
        let mut supervisor = user.supervisor(&built, &[("FAILPOINTS", &format!("{point}=return"))]);
        let request = user.request("branches", "switch");
        supervisor.ends();
        user.run(&built, &[]);
        check_log(&user, &request, 0, 1);
        assert_eq!(user.state()["active"], "first-commit");
    }
}

/// The swap is finished first; to be stopped is no failure of the new container.
fn stopped_in_the_middle_of_a_swap(on: On) {
    let user = User::new(on);
    for (point, step) in [("new-created", "branches"), ("new-started", "share")] {
        let mut supervisor = user.supervisor(&git(), &[("FAILPOINTS", &format!("{point}=return"))]);
        let request = user.request(step, "switch");
        supervisor.ends();
        user.ok(&["stop", &user.name]);
        assert_eq!((user.containers().len(), user.row().unwrap()["state"].as_str()), (1, "stopped"));
        user.run(&git(), &[]);
        user.arrives(step);
        // Each start of the new container says what it was made for.
        check_log(&user, &request, 2, 0);
    }
}

fn a_supervisor_killed_while_another_lives(on: On) {
    let user = User::new(on);
    let _lives = user.supervisor(&git(), &[]);
    for (point, step) in [("new-created", "branches"), ("old-stopped", "share"), ("new-started", "branches")]
    {
        let mut killed = user.supervisor(&git(), &[("FAILPOINTS", &format!("{point}=return"))]);
        let request = user.request(step, "switch");
        user.arrives(step);
        check_log(&user, &request, 1, 0);
        killed.kill();
    }
}

/// Somebody with another lock, on another machine say, starts what this supervisor has just stopped.
fn the_old_container_started_again_meanwhile(on: On) {
    let user = User::new(on);
    let _supervisor = user.supervisor(&git(), &[("FAILPOINTS", "old-stopped=1*sleep(4000)")]);
    let old = user.containers();
    let request = user.request("branches", "switch");
    until("the old container is stopped", || user.containers().len() == 2 && !user.serves());
    // Where there are no containers, nobody else has the workspace.
    if on != On::Sandbox {
        user.engine(&["start", &old[0]]);
        until("the old container serves again", || user.serves());
    }
    user.arrives("branches");
    check_log(&user, &request, 1, 0);
    assert!(!user.containers().contains(&old[0]));
}

/// An image that is not there, and one whose backend never gets ready: told to the student, and nothing has changed.
fn an_image_that_is_no_good(on: On) {
    let user = User::new(on);
    let workshop = user.copy("git-basics");
    user.run(&workshop, &[]);
    let built = user.built(&workshop);
    let supervisor = user.supervisor(&built, &[]);
    let sick: &[(&str, &str)] = match on {
        // Longer than a new container may take.
        On::Podman | On::Docker => &[("share", "gone"), ("branches", "sleeps")],
        On::Sandbox => &[("branches", "broken")],
    };
    for (step, what) in sick {
        let before = ["first-commit", "take-it-back", "branches", "conflict", "share"];
        let tag = before[before.iter().position(|id| id == step).unwrap() - 1];
        match *what {
            "gone" => drop(user.engine(&["rmi", "-f", &format!("localhost/{}:{tag}", user.name)])),
            "sleeps" => {
                user.replace_image(
                    &format!("localhost/{}:{tag}", user.name),
                    "ENTRYPOINT [\"/bin/sleep\", \"1000\"]",
                );
            }
            _ => user.spoil(&workshop, tag),
        }
        let request = user.request(step, "switch");
        until("the failure is told", || {
            user.state_if_any().is_some_and(|state| state["switchFailed"]["request"] == request.as_str())
        });
        assert_eq!(user.state()["active"], "first-commit");
        check_log(&user, &request, 0, 1);
    }
    assert!(supervisor.said().contains("The swap failed"), "{}", supervisor.said());
}

fn a_backend_killed_by_hand(on: On) {
    let user = User::new(on);
    let _supervisor = user.supervisor(&git(), &[]);
    for _ in 0..rounds(1, 10) {
        let before = user.state()["started"].clone();
        user.kill_backend();
        until("the backend is back", || user.state_if_any().is_some_and(|state| state["started"] != before));
        assert_eq!(user.containers().len(), 1);
    }
}

fn a_container_killed_by_hand(on: On) {
    let user = User::new(on);
    let mut supervisor = user.supervisor(&git(), &[]);
    for _ in 0..rounds(1, 10) {
        let before = user.state()["started"].clone();
        user.kill_container();
        until("the container is back", || {
            user.state_if_any().is_some_and(|state| state["started"] != before)
        });
    }
    // One that is stopped in order stays so, and its supervisor has nothing more to do.
    sleep(Duration::from_secs(1));
    user.ok(&["stop", &user.name]);
    supervisor.ends();
    assert_eq!(user.row().unwrap()["state"], "stopped");
}
