-- How often the births that a stream's contracts come from were changed by somebody else than its worker, by an audit's
-- repair for instance. A worker that knows an older edition of them may not commit; it reads them anew.

alter table usdx.cursors add column births_edition bigint not null default 0;
