//! Print jobs: what waits, what came out, what somebody must answer; and sales to print again.
//!
//! "Accepted" is not "printed": a job whose fate is unknown is never sent again unasked, and a
//! second sending keeps its id and is marked COPY. A job that somebody skipped, or that waits while
//! the printer is paused, is not sent.

use oneshelf_domain::PrintJobId;
use oneshelf_hardware::printer::{JobOutcome, Reason, TestPage};
use serde_json::Value;

use super::{Answer, Core, Front, JobView, Refused, SaleView, Session};
use crate::clock;
use crate::events::Event;
use crate::journal::{Asked, Fault, JobChange, JobRow, Keep, NewDeed, NewJob};

impl Front {
    /// The newest sales of the store.
    pub(crate) async fn sales(&self, limit: usize) -> Answer<Vec<SaleView>> {
        let rows = self.shared.reads.sales(limit).await?;
        Ok(rows.iter().map(SaleView::of_row).collect())
    }

    /// One sale, whole.
    pub(crate) async fn sale(&self, receipt_number: &str) -> Answer<SaleView> {
        let row = self.shared.reads.sale(receipt_number).await?;
        Ok(SaleView::whole(&row.ok_or_else(Refused::sale_unknown)?))
    }

    /// Prints a receipt again, marked COPY.
    pub(crate) async fn reprint(&self, who: &Session, receipt_number: &str) -> Answer<JobView> {
        let row = self.shared.reads.sale(receipt_number).await?;
        let number = row.ok_or_else(Refused::sale_unknown)?.sale.receipt_number;
        self.new_job(who, Some(number)).await
    }

    /// Prints what the printer can do.
    pub(crate) async fn test_page(&self, who: &Session) -> Answer<JobView> {
        self.new_job(who, None).await
    }

    /// What stands on the test page beside what the printer can do.
    pub(crate) fn test_page_words(&self) -> TestPage {
        let links = self.shared.seen.links();
        let location = self.shared.identity().map(|i| i.location);
        let details = links.printer.clone().into_iter().chain(location);
        TestPage { title: self.shared.language.test_page().to_owned(), details: details.collect() }
    }

    async fn new_job(&self, who: &Session, receipt_number: Option<String>) -> Answer<JobView> {
        self.has_printer()?;
        let id = PrintJobId(clock::fresh());
        let (register, at) = (who.register.clone(), clock::now());
        // A sale's own receipt came with its sale: whatever is printed later is a copy.
        let copy = receipt_number.is_some();
        let job = NewJob { id, register, receipt_number, copy, at };
        self.core().await?.perform(Default::default(), vec![Keep::PrintJob(job)]).await?;
        self.shared.printer_wake.notify_one();
        Ok(JobView::from(&self.job(id).await?))
    }

    fn has_printer(&self) -> Answer<()> {
        if self.shared.drawer.is_some() {
            return Ok(());
        }
        Err(Refused::new(409, "no_printer", "This agent has no printer."))
    }

    /// The newest print jobs of a register; those that somebody must answer for come first.
    pub(crate) async fn jobs(&self, who: &Session, limit: usize) -> Answer<Vec<JobView>> {
        let mut rows = self.shared.reads.jobs(Asked::Unanswered(&who.register)).await?;
        let newest = self.shared.reads.jobs(Asked::Newest(&who.register, limit)).await?;
        rows.extend(newest.into_iter().filter(|j| j.state != "unknown"));
        rows.truncate(limit);
        Ok(rows.iter().map(JobView::from).collect())
    }

    /// The newest print jobs of the store.
    pub(super) async fn all_jobs(&self, limit: usize) -> Answer<Vec<JobView>> {
        let rows = self.shared.reads.jobs(Asked::All(limit)).await?;
        Ok(rows.iter().map(JobView::from).collect())
    }

    async fn job(&self, id: PrintJobId) -> Answer<JobRow> {
        let unknown = || Refused::new(404, "print_job_unknown", "There is no such print job.");
        let rows = self.shared.reads.jobs(Asked::Id(id)).await?;
        rows.into_iter().next().ok_or_else(unknown)
    }

    /// The cashier looked: did it come out?
    pub(crate) async fn answer_job(&self, id: PrintJobId, came_out: bool) -> Answer<JobView> {
        let mut core = self.core().await?;
        let job = self.job(id).await?;
        if job.state != "unknown" {
            let detail = "Nobody asks about this print job any more.";
            return Err(Refused::new(409, "print_job_settled", detail));
        }
        let (state, copy) = if came_out { ("confirmed", false) } else { ("queued", true) };
        let row = self.goes_on(&mut core, job, state, None, copy, vec![]).await?;
        drop(core);
        self.shared.printer_wake.notify_one();
        Ok(JobView::from(&row))
    }

    /// A job that waits is not wanted on paper any more.
    pub(crate) async fn skip_job(&self, who: &Session, id: PrintJobId) -> Answer<JobView> {
        let mut core = self.core().await?;
        let job = self.job(id).await?;
        if job.state != "queued" {
            let detail = "This print job does not wait any more.";
            return Err(Refused::new(409, "print_job_not_waiting", detail));
        }
        let what = JobView::from(&job).receipt_number.unwrap_or_else(|| "test page".to_owned());
        let deed = self.deed(who, "print_skipped", what);
        let row = self.goes_on(&mut core, job, "skipped", None, false, vec![deed]).await?;
        Ok(JobView::from(&row))
    }

    /// Jobs wait until somebody lets them go on. The drawer opens meanwhile.
    pub(crate) async fn pause_printer(&self, who: &Session, pause: bool) -> Answer<()> {
        self.has_printer()?;
        let mut core = self.core().await?;
        if self.shared.spool.borrow().paused.is_some() == pause {
            return Ok(());
        }
        let by = pause.then(|| who.staff.clone());
        let kind = if pause { "printer_paused" } else { "printer_resumed" };
        let paused = Keep::PrinterPaused { by, at: clock::now() };
        let keeps = vec![paused, self.deed(who, kind, String::new())];
        core.perform(Default::default(), keeps).await?;
        drop(core);
        self.shared.printer_wake.notify_one();
        Ok(())
    }

    fn deed(&self, who: &Session, kind: &'static str, detail: String) -> Keep {
        let (register, staff) = (who.register.clone(), who.staff.clone());
        Keep::Deed(NewDeed { register, staff, kind, detail }, clock::now())
    }

    /// The oldest job that waits; none while the printer is paused.
    pub(crate) async fn next_job(&self) -> Result<Option<JobRow>, Fault> {
        if self.shared.spool.borrow().paused.is_some() {
            return Ok(None);
        }
        Ok(self.shared.reads.jobs(Asked::Next).await?.into_iter().next())
    }

    /// A job is about to be sent: kept before its first byte leaves. None: somebody skipped it, or
    /// paused the printer.
    pub(crate) async fn job_sending(&self, job: JobRow) -> Result<Option<JobRow>, Fault> {
        let mut core = self.core().await?;
        let now = self.shared.reads.jobs(Asked::Id(job.id)).await?;
        let waits = now.first().is_some_and(|j| j.state == "queued");
        if !waits || self.shared.spool.borrow().paused.is_some() {
            return Ok(None);
        }
        Ok(Some(self.goes_on(&mut core, job, "sending", None, false, vec![]).await?))
    }

    /// A job cannot be put into bytes at all.
    pub(crate) async fn job_failed(&self, job: &JobRow, error: String) -> Result<(), Fault> {
        tracing::error!(job = %job.id, error, "a print job cannot be put into bytes");
        self.job_is(job, "failed", Some("not_printable".to_owned())).await
    }

    /// What became of a job.
    pub(crate) async fn job_ended(&self, job: &JobRow, out: JobOutcome) -> Result<(), Fault> {
        match out {
            JobOutcome::Confirmed => self.job_is(job, "confirmed", None).await,
            JobOutcome::NotSent(reason) => self.job_is(job, "queued", code(reason)).await,
            JobOutcome::Unknown(reason) => self.job_is(job, "unknown", code(reason)).await,
        }
    }

    async fn job_is(
        &self,
        job: &JobRow,
        state: &'static str,
        error: Option<String>,
    ) -> Result<(), Fault> {
        // One that waits goes on waiting: nobody need hear of it again.
        if job.state == state && job.error == error {
            return Ok(());
        }
        let mut core = self.core().await?;
        // Somebody may have skipped it while the printer was asked how it is.
        if job.state == "queued" {
            let now = self.shared.reads.jobs(Asked::Id(job.id)).await?;
            if now.first().is_none_or(|j| j.state != "queued") {
                return Ok(());
            }
        }
        self.goes_on(&mut core, job.clone(), state, error, false, vec![]).await?;
        Ok(())
    }

    async fn goes_on(
        &self,
        core: &mut Core,
        job: JobRow,
        state: &'static str,
        error: Option<String>,
        copy: bool,
        mut keeps: Vec<Keep>,
    ) -> Result<JobRow, Fault> {
        let (id, at) = (job.id, clock::now());
        // A receipt that waits on for another reason waits since it began to.
        let at = if job.state == state { job.changed_at } else { at };
        keeps.push(Keep::Job(JobChange { id, state, error: error.clone(), copy, at }));
        core.perform(Default::default(), keeps).await?;
        let copy = job.copy || copy;
        let row = JobRow { state: state.to_owned(), error, copy, changed_at: at, ..job };
        self.shared.events.push(Event::printed(row.register.clone(), &JobView::from(&row)));
        Ok(row)
    }
}

/// The stable code of a reason, as pages have words for it.
fn code(reason: Reason) -> Option<String> {
    serde_json::to_value(reason).ok().as_ref().and_then(Value::as_str).map(str::to_owned)
}
