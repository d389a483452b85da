//! Print jobs: what waits, what came out, what somebody must answer; and sales to print again.
//!
//! "Accepted" is not "printed": a job whose fate is unknown is never sent again unasked, and a
//! second sending keeps its id and is marked COPY.

use oneshelf_domain::PrintJobId;
use oneshelf_hardware::printer::JobOutcome;

use super::{Answer, Front, JobView, Refused, SaleView, Session};
use crate::clock;
use crate::events::Event;
use crate::journal::{Asked, Fault, JobRow, Keep, NewJob};

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
        let receipt_number = row.ok_or_else(Refused::sale_unknown)?.sale.receipt_number;
        if self.shared.drawer.is_none() {
            return Err(Refused::new(409, "no_printer", "This agent has no printer."));
        }
        let id = PrintJobId(clock::fresh());
        let register = who.register.clone();
        let job = NewJob { id, register, receipt_number, copy: true, at: clock::now() };
        self.core().await?.perform(Default::default(), vec![Keep::PrintJob(job)]).await?;
        self.shared.printer_wake.notify_one();
        self.job(id).await
    }

    /// The newest print jobs of a register.
    pub(crate) async fn jobs(&self, who: &Session, limit: usize) -> Answer<Vec<JobView>> {
        let rows = self.shared.reads.jobs(Asked::Newest(&who.register, limit)).await?;
        Ok(rows.iter().map(JobView::from).collect())
    }

    async fn job(&self, id: PrintJobId) -> Answer<JobView> {
        let rows = self.shared.reads.jobs(Asked::Id(id)).await?;
        let unknown = || Refused::new(404, "print_job_unknown", "There is no such print job.");
        Ok(JobView::from(rows.first().ok_or_else(unknown)?))
    }

    /// The cashier looked: did it come out?
    pub(crate) async fn answer_job(&self, id: PrintJobId, came_out: bool) -> Answer<JobView> {
        let mut core = self.core().await?;
        let rows = self.shared.reads.jobs(Asked::Id(id)).await?;
        let unknown = || Refused::new(404, "print_job_unknown", "There is no such print job.");
        let job = rows.first().ok_or_else(unknown)?;
        if job.state != "unknown" {
            let detail = "Nobody asks about this print job any more.";
            return Err(Refused::new(409, "print_job_settled", detail));
        }
        let keep = match came_out {
            true => Keep::JobState { id, state: "confirmed", error: None },
            false => Keep::JobAgain(id),
        };
        core.perform(Default::default(), vec![keep]).await?;
        drop(core);
        self.shared.printer_wake.notify_one();
        self.job(id).await
    }

    /// The oldest job that waits.
    pub(crate) async fn next_job(&self) -> Result<Option<JobRow>, Fault> {
        Ok(self.shared.reads.jobs(Asked::Next).await?.into_iter().next())
    }

    /// A job is about to be sent: kept before its first byte leaves.
    pub(crate) async fn job_sending(&self, job: JobRow) -> Result<JobRow, Fault> {
        self.job_is(&job, "sending", None).await?;
        Ok(JobRow { state: "sending".to_owned(), error: None, ..job })
    }

    /// A job cannot be put into bytes at all.
    pub(crate) async fn job_failed(&self, job: &JobRow, error: String) -> Result<(), Fault> {
        self.job_is(job, "failed", Some(error)).await
    }

    /// What became of a job.
    pub(crate) async fn job_ended(&self, job: &JobRow, out: JobOutcome) -> Result<(), Fault> {
        match out {
            JobOutcome::Confirmed => self.job_is(job, "confirmed", None).await,
            JobOutcome::NotSent(reason) => {
                self.job_is(job, "queued", Some(reason.to_string())).await
            }
            JobOutcome::Unknown(reason) => {
                self.job_is(job, "unknown", Some(reason.to_string())).await
            }
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
        let keep = Keep::JobState { id: job.id, state, error: error.clone() };
        self.core().await?.perform(Default::default(), vec![keep]).await?;
        let now = JobRow { state: state.to_owned(), error, ..job.clone() };
        self.shared.events.push(Event::printed(job.register.clone(), &JobView::from(&now)));
        Ok(())
    }
}
