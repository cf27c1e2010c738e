//! Memory that stays behind each recorded interaction.

use super::Plan;
use crate::Result;
use crate::process::{contender, experiment};
use crate::report::{Report, Row, Unit, at_most};

/// Rows of bytes for each claim, exact and resident.
pub fn measure(plan: &Plan, report: &mut Report) -> Result<()> {
    let claims = plan.count(3_000, 10_000);
    let programs = &plan.programs;
    let kinds = [
        ("kept of each claim: heap", "kept", &programs.counted, "heap_bytes"),
        ("kept of each claim: resident memory", "kept", &programs.release, "rss_bytes"),
        ("kept of each claim of one and the same job: heap", "again", &programs.counted, "heap_bytes"),
    ];
    for (index, (label, verb, program, key)) in kinds.into_iter().enumerate() {
        let mut row = Row::new(label, Unit::Bytes);
        for name in &plan.names {
            match experiment(contender(program, name, verb, claims), &plan.all) {
                Ok(value) => row.set_from(name, &value[key]),
                Err(error) => report.failed(label, name, &*error),
            }
        }
        if index == 0 {
            report.target(label, Unit::Bytes, row.of(report.subject()), at_most(600.0, None));
        }
        report.row(row);
    }
    Ok(())
}
