//! `workshop run` on a workspace that is there on another port, on one that cannot start, and on folders that hold more
//! than a log.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use workshop_testing::cli::{On, Terminal, User, examples};
use workshop_testing::{on_engines, until};

on_engines!(
    in a sandbox:
        it_moves_to_the_port_that_is_asked_for,
        it_stays_where_it_is_watched,
        one_that_ends_at_once_is_named,
        a_log_has_its_folder_for_itself,
        what_is_not_the_logs_is_kept;
    on Podman:
        it_moves_to_the_port_that_is_asked_for,
        it_stays_where_it_is_watched,
        it_stays_where_its_image_does_not_start,
        one_that_ends_at_once_is_named,
        a_log_has_its_folder_for_itself,
        what_is_not_the_logs_is_kept,
        a_volume_of_another_is_kept;
    on Docker:
        it_moves_to_the_port_that_is_asked_for,
        one_that_ends_at_once_is_named,
        a_log_has_its_folder_for_itself,
        what_is_not_the_logs_is_kept,
        a_volume_of_another_is_kept;
);

fn hello() -> String {
    examples().join("hello-linux").display().to_string()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// `run` with what it is given, which must fail: what it complains of.
fn refused(user: &User, target: &str, port: u16, code: i32) -> String {
    let port = port.to_string();
    user.fails(&["run", target, "--name", &user.name, "--port", &port, "--detach", "--no-open"], code)
}

fn it_moves_to_the_port_that_is_asked_for(on: On) {
    let mut user = User::new(on);
    user.run(&hello(), &[]);
    user.ok(&["switch", &user.name, "permissions"]);
    let (from, before) = (user.port, user.row().unwrap());
    let token = |row: &str| row.rsplit_once('=').unwrap().1.to_owned();

    // One that runs, and that nobody watches over; then one that is stopped.
    for stopped in [false, true] {
        if stopped {
            user.ok(&["stop", &user.name]);
        }
        user.port = free_port();
        user.run(&hello(), &[]);
        let (state, row) = (user.state(), user.row().unwrap());
        assert_eq!(
            (&state["active"], &state["imageStep"]),
            (&"permissions".into(), &"files-and-folders".into())
        );
        assert!(row["student"].contains(&format!(":{}/", user.port)), "{row:?}");
        assert_eq!(token(&row["student"]), token(&before["student"]));
        assert_eq!(user.containers().len(), 1);
    }
    assert!(TcpListener::bind(("127.0.0.1", from)).is_ok(), "the old port is free");

    // Switches go on from there, and without a port it stays.
    user.ok(&["reset", &user.name, "permissions"]);
    user.ok(&["run", &hello(), "--name", &user.name, "--port", "0", "--detach", "--no-open"]);
    let mut run = user.workshop(&["run", &hello(), "--name", &user.name, "--detach", "--no-open"]);
    assert!(run.env("WORKSHOP_PORT", free_port().to_string()).output().unwrap().status.success());
    assert_eq!(user.state()["active"], "permissions");

    // One that is taken leaves everything as it is.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let said = refused(&user, &hello(), taken.local_addr().unwrap().port(), 2);
    assert!(said.contains("cannot be used"), "{said}");
    assert_eq!(user.state()["active"], "permissions");
}

fn it_stays_where_it_is_watched(on: On) {
    let mut user = User::new(on);
    let mut supervisor = user.supervisor(&hello(), &[]);
    let port = free_port();
    let said = refused(&user, &hello(), port, 2);
    assert!(said.contains("watches over it") && said.contains("Ctrl-C"), "{said}");
    assert_eq!(user.state()["active"], "look-around");
    supervisor.kill();
    user.port = port;
    user.run(&hello(), &[]);
    assert_eq!(user.state()["active"], "look-around");
}

fn it_stays_where_its_image_does_not_start(on: On) {
    let user = User::new(on);
    let workshop = user.copy("hello-linux");
    user.run(&workshop, &[]);
    let image = format!("localhost/{}:step-0", user.name);
    user.replace_image(&image, "ENTRYPOINT [\"/bin/false\"]");
    let said = refused(&user, &user.built(&workshop), free_port(), 1);
    assert!(said.contains("could not be moved"), "{said}");
    assert_eq!(user.state()["active"], "look-around");
    assert_eq!(user.containers().len(), 1);
}

fn one_that_ends_at_once_is_named(on: On) {
    let user = User::new(on);
    let workshop = user.copy("hello-linux");
    let ends = "echo no disk here >&2; exit 4";
    let how = match on {
        // One that is there already: laying it out needs the real program.
        On::Sandbox => {
            user.run(&workshop, &[]);
            user.ok(&["stop", &user.name]);
            let backend = user.home.path().join("parts/workshop-backend");
            fs::remove_file(&backend).unwrap();
            fs::write(&backend, format!("#!/bin/sh\n{ends}\n")).unwrap();
            fs::set_permissions(&backend, fs::Permissions::from_mode(0o755)).unwrap();
            "ended by itself"
        }
        _ => {
            user.ok(&["build", "compile", &workshop]);
            for tag in ["latest", "step-0"] {
                let image = format!("localhost/{}:{tag}", user.name);
                user.replace_image(&image, &format!(r#"ENTRYPOINT ["sh", "-c", "{ends}"]"#));
            }
            "ended with exit code 4"
        }
    };
    let said = refused(&user, &user.built(&workshop), user.port, 1);
    assert!(said.contains(how) && said.contains("no disk here"), "{said}");
    // Nothing is kept of one that never began.
    assert_eq!(user.containers().len(), usize::from(on == On::Sandbox));
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

fn a_log_has_its_folder_for_itself(on: On) {
    let user = User::new(on);
    let folder = user.home.path().join("stuff");
    let data = folder.display().to_string();
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let refuses = |more: &[&str]| {
        let run =
            ["run", &hello(), "--name", &user.name, "--port", "0", "--detach", "--no-open", "--data", &data];
        user.fails(&[&run, more].concat(), 2)
    };
    fs::write(folder.join("thesis.txt"), "mine").unwrap();
    for more in [&[][..], &["--fresh"]] {
        let said = refuses(more);
        let advice =
            format!("{data} holds something that is not a log: thesis.txt. A log has its folder for itself");
        assert!(said.contains(&advice) && said.contains(&format!("--data, such as {data}/log")), "{said}");
    }
    fs::rename(folder.join("thesis.txt"), folder.join("log.json")).unwrap();
    assert!(refuses(&[]).contains("not a log: log.json."));
    for number in 0..5 {
        fs::create_dir(folder.join(format!("session-{number}.cast"))).unwrap();
    }
    assert!(refuses(&[]).contains("not a log: log.json, session-0.cast, session-1.cast, and 3 more."));
    assert_eq!((names(&folder).len(), fs::metadata(&folder).unwrap().mode() & 0o7777), (6, 0o755));
    assert!(user.containers().is_empty());
}

fn what_is_not_the_logs_is_kept(on: On) {
    let user = User::new(on);
    let stuff = user.home.path().join("stuff");
    fs::create_dir(&stuff).unwrap();
    fs::set_permissions(&stuff, fs::Permissions::from_mode(0o755)).unwrap();
    user.run(&hello(), &["--data", stuff.to_str().unwrap()]);
    assert!(stuff.join("log.json").is_file());
    fs::write(stuff.join("thesis.txt"), "mine").unwrap();
    user.ok(&["rm", "--data", &user.name]);
    assert_eq!(
        (names(&stuff), fs::metadata(&stuff).unwrap().mode() & 0o7777),
        (vec!["thesis.txt".into()], 0o755)
    );

    // What `run` made is closed to others and goes as a whole; --fresh passes by what is taken, in either way.
    let log = user.home.path().join("log");
    user.run(&hello(), &["--data", log.to_str().unwrap()]);
    assert_eq!(fs::metadata(&log).unwrap().mode() & 0o7777, 0o700);
    user.ok(&["rm", &user.name]);
    fs::rename(&stuff, user.home.path().join("log-2")).unwrap();
    user.run(&hello(), &["--data", log.to_str().unwrap(), "--fresh"]);
    user.ok(&["rm", "--data", &user.name]);
    assert!(log.join("log.json").is_file() && user.home.path().join("log-2/thesis.txt").is_file());
    assert!(!user.home.path().join("log-3").exists());
}

/// A folder that lies where a sandbox would be made is no sandbox.
#[test]
fn a_folder_of_another_is_not_made_a_sandbox() {
    let user = User::new(On::Sandbox);
    let workspace = user.home.path().join(".local/share/workshop").join(&user.name);
    let there = workspace.join(format!("workshop-{}/sandbox", user.name));
    fs::create_dir_all(&there).unwrap();
    fs::write(there.join("thesis.txt"), "mine").unwrap();
    let said = refused(&user, &hello(), user.port, 1);
    assert!(said.contains("holds something that is not a sandbox; move it away"), "{said}");
    user.workshop(&["rm", "--data", &user.name]).output().unwrap();
    assert_eq!(fs::read_to_string(there.join("thesis.txt")).unwrap(), "mine");
}

fn a_volume_of_another_is_kept(on: On) {
    let user = User::new(on);
    let volume = format!("workshop-{}", user.name);
    user.engine(&["volume", "create", &volume]);
    let said = user.fails(&["rm", "--data", &user.name], 1);
    assert!(said.contains("was not made by this command"), "{said}");
    user.engine(&["volume", "rm", &volume]);
}

/// Programs and libraries of an author's folder leave a mark when they run on this machine.
#[test]
fn an_authors_variables_reach_shells_and_checks_alone() {
    let user = User::new(On::Sandbox);
    let (theirs, mark) = (user.home.path().join("theirs"), user.home.path().join("mark"));
    fs::create_dir(&theirs).unwrap();
    for program in ["bwrap", "goss", "workshop-backend", "setpriv", "sh", "env", "preload.so"] {
        fs::write(theirs.join(program), format!("#!/bin/sh\ntouch {}\n", mark.display())).unwrap();
        fs::set_permissions(theirs.join(program), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let workshop = user.home.path().join("workshop");
    fs::create_dir(&workshop).unwrap();
    let theirs = theirs.display();
    let definition = format!(
        "version: v1
workshop: {{name: env, image: localhost/env}}
base: {{image: 'workshop-base:debian'}}
steps:
  - id: one
    title: One
    markdown: First.
    env: {{PATH: '{theirs}:/usr/bin:/bin', LD_PRELOAD: {theirs}/preload.so, BASH_ENV: {theirs}/sh, PYTHONPATH: {theirs},
      RUST_LOG: 'off', WORD: three words here}}
    commands: [printenv WORD > word.txt]
  - id: two
    title: Two
    markdown: Second.
    goss: |
      command:
        printenv PATH WORD PYTHONPATH:
          exit-status: 0
          stdout: ['{theirs}:/usr/bin:/bin', three words here, '{theirs}']
      file:
        word.txt: {{exists: true, contents: [three words here]}}
"
    );
    fs::write(workshop.join("workshop.yaml"), definition).unwrap();
    user.run(workshop.to_str().unwrap(), &["--step", "two"]);
    let (status, result) = user.ask("POST", "/api/steps/two/validate", None);
    assert_eq!((status, &result["passed"]), (200, &true.into()), "{result}");
    let row = user.row().unwrap();
    let folder = user.log_folder().with_file_name(format!("workshop-{}", user.name));
    let mut terminal = Terminal::open(user.port, row["student"].rsplit_once('=').unwrap().1);
    terminal.enter("printenv PATH WORD > /workspace/seen.part; mv seen.part seen.txt");
    let seen = folder.join("sandbox/workspace/seen.txt");
    until("the shell has the variables", || seen.exists());
    assert_eq!(fs::read_to_string(seen).unwrap(), format!("{theirs}:/usr/bin:/bin\nthree words here\n"));

    let process: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.join("process.json")).unwrap()).unwrap();
    let environment = fs::read_to_string(format!("/proc/{}/environ", process["pid"])).unwrap();
    let names: Vec<&str> =
        environment.split_terminator('\0').map(|line| line.split('=').next().unwrap()).collect();
    assert!(names.len() > 5 && names.iter().all(|name| name.starts_with("WORKSHOP_")), "{names:?}");
    user.ok(&["stop", &user.name]);
    user.run(workshop.to_str().unwrap(), &[]);
    assert!(!mark.exists(), "a program of the author's ran on this machine");
}
