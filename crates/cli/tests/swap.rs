//! Swaps on the real engines: the main road, and whatever is killed on the way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use workshop_testing::cli::{On, User, examples};
use workshop_testing::{on_engines, until};

on_engines!(
    from_run_to_rm,
    a_request_of_the_page_is_swapped,
    a_request_while_nobody_watches_waits_in_the_log,
    one_request_at_a_time,
    two_supervisors_swap_once,
    whoever_looks_on_changes_nothing,
    a_step_begins_where_it_is_asked_to,
    what_is_not_there_is_named;
    on Docker too: from_run_to_rm, a_request_of_the_page_is_swapped, whoever_looks_on_changes_nothing,
);

fn hello() -> String {
    examples().join("hello-linux").display().to_string()
}

fn git() -> String {
    examples().join("git-basics").display().to_string()
}

fn from_run_to_rm(on: On) {
    let user = User::new(on);
    user.run(&hello(), &[]);
    assert_eq!(user.state()["active"], "look-around");
    user.ok(&["switch", &user.name, "permissions"]);
    let state = user.state();
    assert_eq!((&state["active"], &state["imageStep"]), (&"permissions".into(), &"files-and-folders".into()));
    assert_eq!(state["given"], serde_json::json!(["look-around", "files-and-folders"]));
    user.ok(&["reset", &user.name, "look-around"]);
    assert_eq!(user.state()["imageStep"], "step-0");
    assert_eq!(user.containers().len(), 1);

    user.ok(&["stop", &user.name]);
    assert_eq!(user.row().unwrap()["state"], "stopped");
    user.run(&hello(), &[]);
    assert_eq!(user.state()["active"], "look-around");

    // Without its container the log goes on in the image before the active step.
    user.ok(&["switch", &user.name, "permissions"]);
    user.ok(&["rm", &user.name]);
    assert!(user.row().is_none());
    user.run(&hello(), &[]);
    let state = user.state();
    assert_eq!((&state["active"], &state["imageStep"]), (&"permissions".into(), &"files-and-folders".into()));
    let said = user.ok(&["logs", &user.name]);
    assert!(said.contains("serving"), "{said}");
}

fn a_request_of_the_page_is_swapped(on: On) {
    let user = User::new(on);
    let mut supervisor = user.supervisor(&git(), &[]);
    let request = user.request("branches", "switch");
    user.arrives("branches");
    assert_eq!(user.state()["imageStep"], "take-it-back");
    assert_eq!((user.count("switch_requested", &request), user.count("backend_started", &request)), (1, 1));
    user.ok(&["stop", &user.name]);
    supervisor.ends();
    assert!(supervisor.said().contains("was stopped"), "{}", supervisor.said());
}

fn a_request_while_nobody_watches_waits_in_the_log(on: On) {
    let user = User::new(on);
    user.run(&git(), &[]);
    let request = user.request("branches", "switch");
    assert_eq!(user.state()["switch"]["request"], request.as_str());
    user.run(&git(), &[]);
    user.arrives("branches");
    assert_eq!(user.count("backend_started", &request), 1);
}

fn one_request_at_a_time(on: On) {
    let user = User::new(on);
    user.run(&git(), &[]);
    let request = user.request("branches", "switch");
    let (status, problem) =
        user.ask("POST", "/api/steps/share/switch", Some(serde_json::json!({ "kind": "switch" })));
    assert_eq!((status, &problem["type"]), (409, &"switch-open".into()));
    let _supervisor = user.supervisor(&git(), &[]);
    user.arrives("branches");
    assert_eq!(user.count("backend_started", &request), 1);
}

fn two_supervisors_swap_once(on: On) {
    let user = User::new(on);
    let _one = user.supervisor(&git(), &[]);
    let _other = user.supervisor(&git(), &[]);
    for step in ["branches", "share", "first-commit"] {
        let request = user.request(step, "switch");
        user.arrives(step);
        until("one container is left", || user.containers().len() == 1);
        assert_eq!((user.count("backend_started", &request), user.count("switch_failed", &request)), (1, 0));
    }
}

/// Each user of an engine sees the workspaces of all, with a home of their own.
fn whoever_looks_on_changes_nothing(on: On) {
    let (user, other) = (User::new(on), User::new(on));
    user.run(&git(), &[]);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let _over = Finally(|| over.store(true, Ordering::Relaxed));
        for looks_from in [&user, &other] {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    looks_from.ok(&["list"]);
                }
            });
        }
        for step in ["branches", "share", "branches", "share"] {
            user.ok(&["switch", &user.name, step]);
            let state = user.state();
            assert_eq!((&state["active"], &state["switchFailed"]), (&step.into(), &serde_json::Value::Null));
            assert_eq!(user.containers().len(), 1);
        }
        user.ok(&["stop", &user.name]);
        assert_eq!(user.row().unwrap()["state"], "stopped");
    });
}

/// Done however this ends, or a test that failed would wait for its threads for ever.
struct Finally<F: Fn()>(F);

impl<F: Fn()> Drop for Finally<F> {
    fn drop(&mut self) {
        self.0();
    }
}

fn a_step_begins_where_it_is_asked_to(on: On) {
    let user = User::new(on);
    user.run(&hello(), &["--step", "processes"]);
    let state = user.state();
    assert_eq!((&state["active"], &state["imageStep"]), (&"processes".into(), &"permissions".into()));
    // On a used volume it is a switch.
    user.run(&hello(), &["--step", "permissions"]);
    assert_eq!(user.state()["imageStep"], "files-and-folders");
    user.ok(&["rm", &user.name]);
    user.run(&hello(), &["--step", "files-and-folders"]);
    assert_eq!(user.state()["imageStep"], "look-around");
    // A fresh volume; the old one is kept.
    user.run(&hello(), &["--fresh"]);
    let state = user.state();
    assert_eq!((&state["active"], state["given"].as_array().unwrap().len()), (&"look-around".into(), 0));
}

fn what_is_not_there_is_named(on: On) {
    let user = User::new(on);
    let said = user.fails(&["switch", "nobody-has-this-name", "x"], 2);
    assert!(said.contains("no workspace \"nobody-has-this-name\""), "{said}");
    user.run(&hello(), &[]);
    let said = user.fails(&["switch", &user.name, "no-such-step"], 2);
    assert!(said.contains("there are: look-around, files-and-folders"), "{said}");
    let said = user.fails(&["run", &hello(), "--name", "../x"], 2);
    assert!(said.contains("lowercase letters"), "{said}");
    let said = user.fails(&["run", "./no-such-folder"], 2);
    assert!(said.contains("no folder"), "{said}");
    let port = user.port.to_string();
    let said =
        user.fails(&["run", &hello(), "--name", "other-name", "--port", &port, "--detach", "--no-open"], 2);
    assert!(said.contains("choose another with --port"), "{said}");
}
