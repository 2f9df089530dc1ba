//! Containers beside a workspace, on a real engine: named, ready, private, fresh, and gone with it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use workshop_testing::cli::{On, User};
use workshop_testing::{on_engines, until};

on_engines!(on both:
    it_is_reached_by_its_name_and_by_nobody_else,
    it_is_ready_before_the_workspace_serves,
    a_swap_makes_it_anew,
    one_that_is_never_ready_is_named,
    one_that_ends_is_named_with_its_last_words,
    one_that_gets_lost_on_a_swap_leads_back,
    what_is_hostile_is_data,
);

/// Some engines' firewalls forget what keeps networks apart while another network goes; who looks at that is alone.
static NETWORKS: RwLock<()> = RwLock::new(());

/// A service that begins to answer after two seconds: with a variable, what is stored, and `store …` stores.
const SERVICE: &str = r#"
use strict; use Socket; $| = 1;
sleep($ENV{DELAY} // 2);
socket(my $server, PF_INET, SOCK_STREAM, 0) or die; setsockopt($server, SOL_SOCKET, SO_REUSEADDR, 1);
bind($server, sockaddr_in(7000, INADDR_ANY)) or die; listen($server, 5);
while (accept(my $peer, $server)) {
    my $line = <$peer> // ""; chomp $line;
    if ($line =~ /^store (.*)/) { open(my $file, ">", "/stored"); print $file $1; close $file; }
    my $stored = ""; if (open(my $file, "<", "/stored")) { $stored = <$file>; }
    print $peer ($ENV{GREETING} // ""), "|$stored\n"; close $peer;
}
"#;

/// Gives an image of the service a name; it is built once for each engine.
fn service(user: &User, base: &str, name: &str) {
    static BUILT: Mutex<Vec<On>> = Mutex::new(Vec::new());
    const SHARED: &str = "localhost/workshop-test-service:latest";
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if !built.contains(&user.on) {
        let local = if user.on == On::Podman && !base.contains('/') { "localhost/" } else { "" };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("Containerfile");
        fs::write(folder.path().join("service.pl"), SERVICE).unwrap();
        let start = r#"ENTRYPOINT ["/sbin/tini", "--", "perl", "/service.pl"]"#;
        fs::write(&file, format!("FROM {local}{base}\nCOPY service.pl /service.pl\nEXPOSE 7000\n{start}\n"))
            .unwrap();
        let (file, folder) = (file.to_str().unwrap(), folder.path().to_str().unwrap());
        user.engine(&["build", "-q", "-t", SHARED, "-f", file, folder]);
        built.push(user.on);
    }
    user.engine(&["tag", SHARED, name]);
}

/// A workshop of two steps with a service beside it.
struct Workshop {
    user: User,
    folder: String,
}

impl Workshop {
    /// `more` goes into the extra container.
    fn new(on: On, name: &str, more: &Value) -> Self {
        let user = User::new(on);
        let base = std::env::var("WORKSHOP_TEST_BASE").expect("cargo xtask test containers sets it");
        let image = format!("localhost/service-{}:latest", user.name);
        service(&user, &base, &image);
        let mut extra = json!({ "name": name, "image": image, "ports": [{ "port": 7000 }] });
        extra.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let workshop = json!({
            "version": "v1",
            "workshop": { "name": "with-service", "image": format!("localhost/{}", user.name), "navigation": "free" },
            "base": { "image": base },
            "infrastructure": { "extraContainers": [extra] },
            "steps": [
                { "id": "one", "title": "One", "markdown": "Text" },
                { "id": "two", "title": "Two", "markdown": "Text" },
            ],
        });
        let folder = user.home.path().join("workshop");
        fs::create_dir(&folder).unwrap();
        // JSON is YAML.
        fs::write(folder.join("workshop.yaml"), workshop.to_string()).unwrap();
        Self { folder: folder.display().to_string(), user }
    }

    /// Says a line to the service from within the workspace, and returns its answer.
    fn say(&self, host: &str, line: &str) -> Option<String> {
        let script = format!("exec 3<>/dev/tcp/{host}/7000 && echo '{line}' >&3 && cat <&3 && echo said");
        let container = self.user.containers().pop()?;
        let command = ["exec", "--user", "student", &container, "timeout", "5", "bash", "-c", &script];
        for _ in 0..5 {
            let output = self.user.engine_command(&command).output().unwrap();
            if !output.status.success() {
                return None;
            }
            let output = String::from_utf8(output.stdout).unwrap();
            // On a busy machine Podman 4.3 may end `exec` before it has printed everything.
            if let Some(answer) = output.strip_suffix("said\n") {
                return Some(answer.trim_end().to_owned());
            }
        }
        panic!("the engine prints nothing of what a command in {container} prints");
    }

    /// What runs beside the workspace.
    fn extras(&self) -> Vec<String> {
        let label = format!("label=workshop.name={}", self.user.name);
        let filters = ["ps", "-a", "--filter", &label, "--filter", "label=workshop.role=extra"];
        let out = self.user.engine(&[&filters[..], &["--format", "{{.Names}}"]].concat());
        out.lines().map(ToOwned::to_owned).collect()
    }

    /// All containers and networks with the workspace's name in theirs.
    fn left(&self) -> Vec<String> {
        let containers = self.user.engine(&["ps", "-a", "--format", "{{.Names}}"]);
        let networks = self.user.engine(&["network", "ls", "--format", "{{.Name}}"]);
        let of_it = |name: &&str| name.starts_with(&format!("workshop-{}", self.user.name));
        containers.lines().chain(networks.lines()).filter(of_it).map(ToOwned::to_owned).collect()
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        let name = &self.user.name;
        let _ = self.user.workshop(&["rm", "--data", name]).output();
        for image in [format!("service-{name}:latest"), format!("{name}:step-0"), format!("{name}:latest")] {
            let _ = self.user.engine_command(&["rmi", "-f", &format!("localhost/{image}")]).output();
        }
        for step in ["one", "two"] {
            let _ = self.user.engine_command(&["rmi", "-f", &format!("localhost/{name}:{step}")]).output();
        }
    }
}

fn it_is_reached_by_its_name_and_by_nobody_else(on: On) {
    let _alone = NETWORKS.write().unwrap_or_else(PoisonError::into_inner);
    let workshop = Workshop::new(on, "db", &json!({ "env": { "GREETING": "hello" } }));
    workshop.user.run(&workshop.folder, &[]);
    assert_eq!(workshop.say("db", "").unwrap(), "hello|");
    let extras = workshop.extras();
    assert_eq!(extras, [format!("workshop-{}-db", workshop.user.name)]);
    let format = "{{json .HostConfig.PortBindings}} {{json .NetworkSettings.Ports}}";
    let ports = workshop.user.engine(&["inspect", "--format", format, &extras[0]]);
    assert!(!ports.contains("HostPort"), "{ports}");

    // Another workspace with a service of the same name has its own, and reaches no other: not even by address.
    let other = Workshop::new(on, "db", &json!({ "env": { "GREETING": "other" } }));
    other.user.run(&other.folder, &[]);
    assert_eq!(other.say("db", "").unwrap(), "other|");
    let network =
        format!("{{{{(index .NetworkSettings.Networks \"workshop-{}\").IPAddress}}}}", workshop.user.name);
    let address = workshop.user.engine(&["inspect", "--format", &network, &extras[0]]).trim().to_owned();
    assert_eq!(workshop.say(&address, "").unwrap(), "hello|");
    assert_eq!(other.say(&address, ""), None, "reached from another workspace's network");
    assert_eq!(other.say(&extras[0], ""), None);
    // The other way round as well.
    workshop.user.ok(&["rm", "--data", &workshop.user.name]);
    assert_eq!(workshop.left(), [""; 0]);
    assert_eq!(other.say("db", "").unwrap(), "other|");
}

fn it_is_ready_before_the_workspace_serves(on: On) {
    let _shared = NETWORKS.read().unwrap_or_else(PoisonError::into_inner);
    let workshop = Workshop::new(on, "db", &json!({ "env": { "DELAY": "4" } }));
    workshop.user.ok(&["build", "compile", &workshop.folder]);
    let began = Instant::now();
    workshop.user.run(&workshop.folder, &[]);
    assert!(began.elapsed() > Duration::from_secs(4));
    assert_eq!(workshop.say("db", "").unwrap(), "|");
    // Stopped with it, and begun with it.
    workshop.user.ok(&["stop", &workshop.user.name]);
    let running = workshop.user.engine(&["ps", "--format", "{{.Names}}"]);
    assert!(!running.contains(&workshop.user.name), "{running}");
    workshop.user.run(&workshop.folder, &[]);
    assert_eq!(workshop.say("db", "").unwrap(), "|");
}

fn a_swap_makes_it_anew(on: On) {
    let _shared = NETWORKS.read().unwrap_or_else(PoisonError::into_inner);
    let workshop = Workshop::new(on, "db", &json!({}));
    workshop.user.run(&workshop.folder, &[]);
    assert_eq!(workshop.say("db", "store mine").unwrap(), "|mine");
    workshop.user.ok(&["switch", &workshop.user.name, "two"]);
    assert_eq!(workshop.user.state()["active"], "two");
    assert_eq!(workshop.say("db", "").unwrap(), "|", "fresh storage");
    assert_eq!((workshop.user.containers().len(), workshop.extras().len()), (1, 1));
    // One container, one extra, one network.
    assert_eq!(workshop.left().len(), 3, "{:?}", workshop.left());
    assert_eq!(workshop.say("db", "store again").unwrap(), "|again");
    let _supervisor = workshop.user.supervisor(&workshop.folder, &[]);
    workshop.user.request("two", "reset");
    workshop.user.arrives("two");
    until("fresh storage again", || workshop.say("db", "").is_some_and(|answer| answer == "|"));
    until("what was there is gone", || workshop.left().len() == 3);
    drop(_supervisor);
    workshop.user.ok(&["rm", "--data", &workshop.user.name]);
    assert_eq!(workshop.left(), [""; 0]);
}

/// Runs a workspace that must not start: what it complains of. With fail points it waits three seconds for the service.
fn cannot_run(workshop: &Workshop) -> String {
    let port = workshop.user.port.to_string();
    let run =
        ["run", &workshop.folder, "--name", &workshop.user.name, "--port", &port, "--detach", "--no-open"];
    let output =
        workshop.user.workshop(&run).env("FAILPOINTS", "extras-patience=return(3)").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(workshop.left(), [""; 0]);
    said
}

fn one_that_is_never_ready_is_named(on: On) {
    let _shared = NETWORKS.read().unwrap_or_else(PoisonError::into_inner);
    // It answers on another port than it says.
    let workshop = Workshop::new(on, "db", &json!({ "ports": [{ "port": 7001 }], "env": { "DELAY": "0" } }));
    let said = cannot_run(&workshop);
    assert!(said.contains("is not ready: db:7001 does not answer"), "{said}");
}

fn one_that_ends_is_named_with_its_last_words(on: On) {
    let _shared = NETWORKS.read().unwrap_or_else(PoisonError::into_inner);
    let workshop = Workshop::new(on, "db", &json!({}));
    let image = format!("localhost/service-{}:latest", workshop.user.name);
    let ends = "sleep 1; echo starting; printf 'no \\\\033[2Jlicence\\\\n' >&2; exit 3";
    workshop.user.replace_image(&image, &format!(r#"ENTRYPOINT ["sh", "-c", "{ends}"]"#));
    let said = cannot_run(&workshop);
    assert!(said.contains("is not ready: db ended with exit code 3; the last it printed:\n"), "{said}");
    assert!(said.contains("starting") && said.contains("no [2Jlicence"), "{said}");
}

fn one_that_gets_lost_on_a_swap_leads_back(on: On) {
    let _shared = NETWORKS.read().unwrap_or_else(PoisonError::into_inner);
    let workshop = Workshop::new(on, "db", &json!({ "env": { "GREETING": "first" } }));
    workshop.user.run(&workshop.folder, &[]);
    assert_eq!(workshop.say("db", "store kept").unwrap(), "first|kept");
    let image = format!("localhost/service-{}:latest", workshop.user.name);
    workshop.user.replace_image(&image, "ENTRYPOINT [\"/bin/false\"]");
    let said = workshop.user.fails(&["switch", &workshop.user.name, "two"], 1);
    assert!(said.contains("is not ready: db ended with exit code 1 and printed nothing"), "{said}");
    // As it was, with what was stored.
    assert_eq!(workshop.user.state()["active"], "one");
    assert_eq!(workshop.say("db", "").unwrap(), "first|kept");
    until("nothing of it is left", || workshop.left().len() == 3);

    // One that cannot even be made.
    workshop.user.engine(&["rmi", "-f", &image]);
    workshop.user.fails(&["switch", &workshop.user.name, "two"], 1);
    assert_eq!(workshop.user.state()["active"], "one");
    assert_eq!(workshop.say("db", "").unwrap(), "first|kept");
    assert_eq!(workshop.left().len(), 3, "{:?}", workshop.left());
}

fn what_is_hostile_is_data(on: On) {
    let _shared = NETWORKS.read().unwrap_or_else(PoisonError::into_inner);
    let hostile = "'; $(touch /owned) `touch /owned` \"${HOME}\" \\ = ü\tend";
    let workshop = Workshop::new(on, "a-b-1", &json!({ "env": { "GREETING": hostile, "EMPTY": "" } }));
    workshop.user.run(&workshop.folder, &[]);
    assert_eq!(workshop.say("a-b-1", "").unwrap(), format!("{hostile}|"));
    let extra = &workshop.extras()[0];
    let owned = workshop.user.engine_command(&["exec", extra, "test", "-e", "/owned"]).output().unwrap();
    assert!(!owned.status.success());
    for name in ["../x", "x y", "x\ny", "$(id)", "-x", "X", "a.b", "workshop_1"] {
        let yaml = fs::read_to_string(format!("{}/workshop.yaml", workshop.folder)).unwrap();
        let yaml = yaml.replace("\"a-b-1\"", &json!(name).to_string());
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("workshop.yaml"), yaml).unwrap();
        let output = workshop.user.workshop(&["validate", folder.path().to_str().unwrap()]).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(said.contains("extraContainers[0].name"), "{name}: {said}");
    }
}
