//! Two hundred servers alive at once in one process: what each costs.

use super::Plan;
use crate::Result;
use crate::process::{contender, experiment};
use crate::report::{Report, Row, Unit, at_most};

const SERVERS: usize = 200;

/// Rows for one server among many.
pub fn measure(plan: &Plan, report: &mut Report) -> Result<()> {
    let label = |what: &str| format!("{SERVERS} servers alive, each: {what}");
    let mut resident = Row::new(&label("resident memory"), Unit::Bytes);
    let mut heap = Row::new(&label("heap"), Unit::Bytes);
    let mut answered = Row::new(&label("resident memory after one claim"), Unit::Bytes);
    let mut threads = Row::new(&label("threads"), Unit::Fraction);
    let mut files = Row::new(&label("file descriptors"), Unit::Fraction);
    for name in &plan.names {
        match experiment(contender(&plan.programs.release, name, "crowd", SERVERS), &plan.all) {
            Ok(value) => {
                resident.set_from(name, &value["idle"]["rss_bytes"]);
                answered.set_from(name, &value["answered_once"]["rss_bytes"]);
                threads.set_from(name, &value["idle"]["threads"]);
                files.set_from(name, &value["idle"]["files"]);
            }
            Err(error) => report.failed("servers alive", name, &*error),
        }
        match experiment(contender(&plan.programs.counted, name, "crowd", SERVERS), &plan.all) {
            Ok(value) => heap.set_from(name, &value["idle"]["heap_bytes"]),
            Err(error) => report.failed("servers alive, heap", name, &*error),
        }
    }
    let subject = report.subject();
    for (row, most) in [(&resident, 8192.0), (&heap, 8192.0), (&threads, 0.0), (&files, 2.0)] {
        report.target(row.label(), row.unit(), row.of(subject), at_most(most, None));
    }
    for row in [resident, heap, answered, threads, files] {
        report.row(row);
    }
    Ok(())
}
