-- The customer's history at the time of each payment: the kept rows that arrived before it AND
-- happened before it. A window function orders by one clock only, so there are three steps:
--
-- 1. by_event: windows over each customer's payments in order of event_ms. Right for every row
--    whose window holds only rows that had arrived by then.
-- 2. overtook: the other rows, which have a later arrival number in their window; they are few.
-- 3. asked: those, and the rows that are not kept, get their history from a join on both clocks,
--    which is the rule itself and slower.
CREATE OR REPLACE TEMP TABLE history AS
WITH by_event AS (
    SELECT
        *,
        count(*) OVER hour AS count_1h,
        count(*) OVER day AS count_24h,
        count(*) OVER week AS count_7d,
        count(cents) OVER month AS sized_30d,
        sum(cents) OVER day AS cents_24h,
        sum(cents) OVER week AS cents_7d,
        sum(cents) OVER month AS cents_30d,
        event_ms - last_value(event_ms) OVER month AS gap_ms,
        coalesce(max(arrival) OVER month > arrival, false) AS overtook
    FROM payments
    WHERE is_kept
    WINDOW
        same AS (PARTITION BY customer ORDER BY event_ms),
        hour AS (same RANGE BETWEEN 3_600_000 PRECEDING AND 1 PRECEDING),
        day AS (same RANGE BETWEEN 86_400_000 PRECEDING AND 1 PRECEDING),
        week AS (same RANGE BETWEEN 604_800_000 PRECEDING AND 1 PRECEDING),
        month AS (same RANGE BETWEEN 2_592_000_000 PRECEDING AND 1 PRECEDING)
),
asked AS (
    SELECT * FROM payments
    WHERE NOT is_kept OR arrival IN (SELECT arrival FROM by_event WHERE overtook)
)
SELECT * EXCLUDE (overtook) FROM by_event WHERE NOT overtook
UNION ALL
SELECT
    asked.*,
    count(past.arrival) FILTER (past.event_ms >= asked.event_ms - 3_600_000),
    count(past.arrival) FILTER (past.event_ms >= asked.event_ms - 86_400_000),
    count(past.arrival) FILTER (past.event_ms >= asked.event_ms - 604_800_000),
    count(past.cents),
    sum(past.cents) FILTER (past.event_ms >= asked.event_ms - 86_400_000),
    sum(past.cents) FILTER (past.event_ms >= asked.event_ms - 604_800_000),
    sum(past.cents),
    min(asked.event_ms - past.event_ms)
FROM asked
LEFT JOIN payments AS past
    ON past.is_kept
    AND past.customer = asked.customer
    AND past.arrival < asked.arrival
    AND past.event_ms < asked.event_ms
    AND past.event_ms >= asked.event_ms - 2_592_000_000
GROUP BY ALL;
