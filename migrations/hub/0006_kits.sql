-- Which kit a line of a reservation is a part of, and how many kits were claimed; none: the item
-- itself was asked for.
alter table reservation_line add column kit bigint;
alter table reservation_line add column kit_quantity bigint;
