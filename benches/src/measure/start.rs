//! A server inside a test: start, first answer and drop.

use super::Plan;
use crate::Result;
use crate::process::{contender, experiment};
use crate::report::{Report, Row, Unit, at_most};

/// Rows of time from the plain program, of what is left from the counting one.
pub fn measure(plan: &Plan, report: &mut Report) -> Result<()> {
    const TIMES: &[(&str, &str)] = &[
        ("start_us", "in process: start"),
        ("drop_us", "in process: drop"),
        ("start_and_drop_us", "in process: start plus drop"),
        ("first_answer_us", "in process: start to first answer, new connection"),
        ("whole_us", "in process: start, first answer, drop"),
    ];
    const LEFT: &[(&str, &str, Unit)] = &[
        ("threads_left", "left after all drops: threads", Unit::Count),
        ("files_left", "left after all drops: file descriptors", Unit::Count),
        ("heap_left_bytes_per_cycle", "left of each dropped server: heap", Unit::Bytes),
    ];
    let cycles = plan.count(50, 300);
    let mut times: Vec<Row> = TIMES.iter().map(|(_, label)| Row::new(label, Unit::Micros)).collect();
    let mut left: Vec<Row> = LEFT.iter().map(|(_, label, unit)| Row::new(label, *unit)).collect();
    for name in &plan.names {
        let plain = contender(&plan.programs.release, name, "start", cycles);
        match experiment(plain, &plan.all) {
            Ok(value) => {
                for (row, (key, _)) in times.iter_mut().zip(TIMES) {
                    row.set_from(name, &value[key]);
                }
            }
            Err(error) => report.failed("in process", name, &*error),
        }
        let counted = contender(&plan.programs.counted, name, "start", cycles);
        match experiment(counted, &plan.all) {
            Ok(value) => {
                for (row, (key, ..)) in left.iter_mut().zip(LEFT) {
                    row.set_from(name, &value[key]);
                }
            }
            Err(error) => report.failed("left behind", name, &*error),
        }
    }
    let subject = report.subject();
    let targets = [
        (&times[2], at_most(35.0, None)),
        (&left[0], at_most(0.0, None)),
        (&left[1], at_most(0.0, None)),
        // A server may leave a few bytes in a table of the process, such as its port; not itself.
        (&left[2], at_most(64.0, None)),
    ];
    for (row, target) in targets {
        report.target(row.label(), row.unit(), row.of(subject), target);
    }
    for row in times.into_iter().chain(left) {
        report.row(row);
    }
    Ok(())
}
