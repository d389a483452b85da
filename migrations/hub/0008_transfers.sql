-- Transfers: reservations whose goods go to another location.

-- All three or none: who sends, who gets it, where it stands on the way.
alter table reservation add column transfer_from bigint;
alter table reservation add column transfer_to bigint;
alter table reservation add column transfer_via bigint;
-- What is expected somewhere.
create index reservation_expected on reservation (transfer_to)
    where transfer_to is not null and state in ('committed', 'picked', 'in_transit');
-- The list of transfers.
create index reservation_transfer on reservation (created, id) where transfer_to is not null;
