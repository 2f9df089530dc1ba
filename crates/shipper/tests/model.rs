//! A model of what may happen to files, shipper and dashboard at once, and of what must come of it: the dashboard has
//! what stands in the files, and nothing twice.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use std::time::Duration;

use clap::Parser;
use common::{
    Folder, HEADER, LOG, check_same,
    receiver::{Faults, Receiver, TOKEN},
    until_same,
};
use proptest::prelude::*;
use tokio::{runtime::Runtime, task::JoinHandle};
use workshop_shipper::{Metrics, Phase, Settings, ending, ship};
use workshop_testing::{Random, rounds};

/// What happens.
#[derive(Clone, Debug)]
enum Action {
    /// Bytes are appended to a stream; they may be garbage, and end within a line.
    Append(usize, Vec<u8>),
    /// So many lines at once.
    Lines(usize, usize),
    /// A recording goes on, or begins.
    Cast(usize, usize),
    /// Something else than an event is written to a recording, which ends it.
    Spoil(usize),
    /// The shipper is ended at any point, and another begins.
    Restart,
    /// A second shipper runs beside the first.
    Second,
    Pause(u64),
}

const STREAMS: [&str; 3] = ["state", "commands", "llm"];

fn action() -> impl Strategy<Value = Action> {
    let bytes = proptest::collection::vec(prop_oneof![Just(b'\n'), 32..127u8, any::<u8>()], 0..80);
    prop_oneof![
        4 => (0..3usize, bytes).prop_map(|(stream, bytes)| Action::Append(stream, bytes)),
        2 => (0..3usize, 1..3000usize).prop_map(|(stream, lines)| Action::Lines(stream, lines)),
        3 => (0..4usize, 0..200usize).prop_map(|(cast, lines)| Action::Cast(cast, lines)),
        1 => (0..4usize).prop_map(Action::Spoil),
        2 => Just(Action::Restart),
        1 => Just(Action::Second),
        4 => (0..30u64).prop_map(Action::Pause),
    ]
}

fn faults() -> impl Strategy<Value = Faults> {
    let often = || prop_oneof![Just(0u64), 0..25u64];
    (often(), often(), often(), often(), often(), often(), often()).prop_map(
        |(lost, cut, dropped, busy, throttled, conflict, partial)| Faults {
            lost,
            cut,
            dropped,
            busy,
            throttled,
            conflict,
            partial,
        },
    )
}

fn start(runtime: &Runtime, receiver: &Receiver, folder: &Folder) -> JoinHandle<()> {
    let (url, dir) = (receiver.url(), folder.dir().to_str().unwrap().to_owned());
    let arguments = ["shipper", "--url", &url, "--token", TOKEN, "--dir", &dir, "--gather", "0.02"];
    let settings = Settings::try_parse_from(arguments).unwrap();
    let (tell, end) = ending(Phase::Running);
    runtime.spawn(async move {
        let _tell = tell;
        ship(settings, end, Metrics::default()).await.unwrap();
    })
}

fn run(actions: &[Action], faults: Faults, seed: u64) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let folder = Folder::new();
    let receiver = Receiver::start();
    {
        let mut model = receiver.model();
        model.faults = faults;
        model.random = Random::new(seed);
    }
    let mut shipper = start(&runtime, &receiver, &folder);
    let mut second = None;
    for action in actions {
        match action {
            Action::Append(stream, bytes) => folder.append(STREAMS[*stream], bytes),
            Action::Lines(stream, lines) => {
                let text: String = (0..*lines).map(|n| format!("{{\"n\":{n},\"of\":{lines}}}\n")).collect();
                folder.append(STREAMS[*stream], text);
            }
            Action::Cast(cast, lines) => {
                let stream = format!("cast/session {cast}%é.cast");
                if !folder.path(&stream).exists() {
                    folder.append(&stream, HEADER);
                }
                let text: String = (0..*lines).map(|n| format!("[{n}.5, \"o\", \"{n}\"]\n")).collect();
                folder.append(&stream, text);
            }
            Action::Spoil(cast) => {
                folder.append(&format!("cast/session {cast}%é.cast"), "[1.0, \"o\", \"cut\n")
            }
            Action::Restart => {
                shipper.abort();
                let _ = runtime.block_on(shipper);
                shipper = start(&runtime, &receiver, &folder);
            }
            Action::Second => second = Some(start(&runtime, &receiver, &folder)),
            Action::Pause(ms) => std::thread::sleep(Duration::from_millis(*ms)),
        }
    }
    for stream in STREAMS {
        folder.append(stream, "\nlast\n");
    }
    receiver.model().faults = Faults::default();
    until_same(&receiver, &folder, LOG, &format!("seed {seed}"));
    // Nothing comes that is not there.
    std::thread::sleep(Duration::from_millis(30));
    check_same(&receiver, &folder, LOG, &format!("seed {seed}, a moment later"));
    shipper.abort();
    if let Some(second) = second {
        second.abort();
    }
    runtime.shutdown_background();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: rounds(8, 128), max_shrink_iters: 40, ..ProptestConfig::default() })]
    #[test]
    fn what_is_received_is_what_stands_in_the_files(
        actions in proptest::collection::vec(action(), 1..40),
        faults in faults(),
        seed in any::<u64>(),
    ) {
        run(&actions, faults, seed);
    }
}
