//! The shipper, as a task of the test.

use clap::Parser;
use workshop_shipper::{Metrics, Phase, Settings, ending};
use workshop_simulator::SimulatedStudent;

use super::served::Served;

/// Ships what is in a student's volume, with more arguments of the shipper, and ends. Returns whether all of it was
/// taken in.
pub async fn ship_once(served: &Served, student: &SimulatedStudent, token: &str, more: &[&str]) -> bool {
    let url = served.url(&format!("/ingest/{}", student.workspace));
    let volume = student.dir.to_str().unwrap();
    let arguments = ["workshop-shipper", "--once", "--url", &url, "--token", token, "--dir", volume];
    let settings = Settings::parse_from(arguments.iter().chain(more));
    let (_tell, end) = ending(Phase::Finishing);
    workshop_shipper::ship(settings, end, Metrics::default()).await.unwrap()
}
