//! What processes take of the machine, as the kernel counts it.

use std::fs;
use std::time::Instant;

use crate::failure::Failure;

/// Ticks a second in `/proc`: fixed on Linux.
const TICKS: f64 = 100.0;

#[derive(Clone, Copy)]
pub(crate) struct Process(u32);

/// How busy processes were since a moment.
pub(crate) struct Cpu {
    processes: [Process; 3],
    before: [f64; 3],
    since: Instant,
}

impl Process {
    pub(crate) fn new(pid: u32) -> Self {
        Self(pid)
    }

    pub(crate) fn own() -> Self {
        Self(std::process::id())
    }

    /// The process that started this one.
    pub(crate) fn parent_of(pid: i32) -> Result<Self, Failure> {
        Ok(Self(fields(&pid.to_string())?[1].parse()?))
    }

    /// Seconds of processor time, its children's included, those that ended too.
    fn seconds(self) -> Result<f64, Failure> {
        let own = fields(&self.0.to_string())?;
        // utime, stime, and the same of children that were waited for.
        let mut ticks = 0.0;
        for field in &own[11..15] {
            ticks += field.parse::<f64>()?;
        }
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            // Another's process may end between the two reads.
            let Ok(child) = fields(&name) else { continue };
            if child[1] == self.0.to_string() && self.0 != std::process::id() {
                for field in &child[11..13] {
                    ticks += field.parse::<f64>()?;
                }
            }
        }
        Ok(ticks / TICKS)
    }

    /// The most memory that it had, in bytes.
    pub(crate) fn memory(self) -> Result<f64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse::<f64>()? * 1024.0)
    }
}

/// `/proc/<pid>/stat` from the state on: state, parent, …
fn fields(pid: &str) -> Result<Vec<String>, Failure> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, rest) = stat.rsplit_once(") ").ok_or("not the form of stat")?;
    Ok(rest.split(' ').map(str::to_owned).collect())
}

impl Cpu {
    pub(crate) fn begin(processes: [Process; 3]) -> Result<Self, Failure> {
        let mut cpu = Self { processes, before: [0.0; 3], since: Instant::now() };
        cpu.before = cpu.seconds()?;
        Ok(cpu)
    }

    fn seconds(&self) -> Result<[f64; 3], Failure> {
        let [a, b, c] = self.processes;
        Ok([a.seconds()?, b.seconds()?, c.seconds()?])
    }

    /// How many processors each kept busy since the beginning.
    pub(crate) fn cores(&mut self) -> Result<[f64; 3], Failure> {
        let (after, elapsed) = (self.seconds()?, self.since.elapsed().as_secs_f64());
        Ok(std::array::from_fn(|one| (after[one] - self.before[one]) / elapsed))
    }
}
