-- What became of a fact that was not booked when it came.
alter table rejected_frame add column settled_at bigint;
alter table rejected_frame add column settled_by text;
-- booked: by a command of its own; by_hand: somebody counted or adjusted, or it is not wanted.
alter table rejected_frame add column settled_how text;
alter table rejected_frame add column settled_note text;
