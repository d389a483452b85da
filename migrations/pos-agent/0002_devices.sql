-- Devices: print jobs that are no receipts, and jobs that somebody skipped; a pause of the printer;
-- the displays that customers look at.

-- `changed_at`: when the job came into its state. `error`: a stable code, or words of an older build.
create table print_job_next (
    n integer primary key autoincrement,
    id text not null unique,
    kind text not null check (kind in ('receipt', 'test_page')),
    receipt_number text references sale (receipt_number),
    register text not null,
    state text not null check (
        state in ('queued', 'sending', 'confirmed', 'unknown', 'failed', 'skipped')
    ),
    copy integer not null,
    error text,
    made_at integer not null,
    changed_at integer not null,
    check ((kind = 'receipt') = (receipt_number is not null))
) strict;
insert into print_job_next
    (n, id, kind, receipt_number, register, state, copy, error, made_at, changed_at)
    select n, id, 'receipt', receipt_number, register, state, copy, error, made_at, made_at
    from print_job order by n;
drop table print_job;
alter table print_job_next rename to print_job;
create index print_job_receipt on print_job (receipt_number, n);
create index print_job_waiting on print_job (n) where state in ('queued', 'sending');
create index print_job_register on print_job (register, n);
create index print_job_asked on print_job (n) where state = 'unknown';

-- A row: the printer is paused, jobs wait.
create table printer_pause (
    one integer primary key check (one = 1),
    at integer not null,
    staff text not null
) strict;

-- Who may look at a register's ticket without being signed in: one display a register. The token
-- itself is in the display's browser alone.
create table display (
    register text primary key,
    token_hash text not null unique,
    staff text not null,
    opened_at integer not null
) strict, without rowid;
