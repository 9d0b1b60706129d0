-- The fraud rate of each merchant, country and category, as known at the midnight that opened the
-- row's day. A request counts from its 46th to its 105th day, so that reports have time to come in.
-- A fraud counts as long as its request does, but not before the midnight that knew of its report.
CREATE OR REPLACE TEMP MACRO smoothed(frauds, requests, base, prior) AS
    (coalesce(frauds, 0) + prior * base) / (coalesce(requests, 0) + prior);

CREATE OR REPLACE TEMP TABLE risks AS
WITH daily AS (
    SELECT tick, merchant, country, category, count(*) FILTER (is_kept) AS requests
    FROM payments
    GROUP BY ALL
),
reports AS (  -- the first one of each request; the midnight at or after it knows
    SELECT request_id, min(label_time) + INTERVAL 1 DAY - INTERVAL 1 MILLISECOND AS midnight
    FROM labels
    WHERE label = 1
    GROUP BY request_id
),
frauds AS (
    SELECT
        greatest(tick + 46, date_diff('day', DATE '2025-01-01', midnight)) AS first_tick,
        tick + 106 AS end_tick, merchant, country, category
    FROM payments JOIN reports USING (request_id)
    WHERE first_tick < end_tick
),
moves AS (
    SELECT tick + 46 AS tick, merchant, country, category, requests, 0 AS frauds FROM daily
    UNION ALL
    SELECT tick + 106, merchant, country, category, -requests, 0 FROM daily
    UNION ALL
    SELECT first_tick, merchant, country, category, 0, 1 FROM frauds
    UNION ALL
    SELECT end_tick, merchant, country, category, 0, -1 FROM frauds
),
by_key AS (
    SELECT tick, 'all' AS field, 'all' AS key, requests, frauds FROM moves
    UNION ALL
    SELECT tick, 'merchant', merchant::VARCHAR, requests, frauds FROM moves
    UNION ALL
    SELECT tick, 'country', country::VARCHAR, requests, frauds FROM moves
    UNION ALL
    SELECT tick, 'category', category::VARCHAR, requests, frauds FROM moves
),
known AS (
    SELECT
        field, key, tick,
        sum(sum(requests)) OVER so_far AS requests,
        sum(sum(frauds)) OVER so_far AS frauds
    FROM by_key
    GROUP BY field, key, tick
    WINDOW so_far AS (PARTITION BY field, key ORDER BY tick)
),
overall AS (
    SELECT tick, CASE WHEN frauds > 0 THEN frauds / greatest(requests, frauds) END AS base
    FROM known
    WHERE field = 'all'
)
SELECT
    daily.* EXCLUDE (requests),
    smoothed(shop.frauds, shop.requests, coalesce(base, 0.004), 300.0) AS merchant_risk,
    smoothed(land.frauds, land.requests, coalesce(base, 0.004), 1_000.0) AS country_risk,
    smoothed(kind.frauds, kind.requests, coalesce(base, 0.004), 1_000.0) AS category_risk
FROM daily
ASOF LEFT JOIN overall ON overall.tick <= daily.tick
ASOF LEFT JOIN known AS shop
    ON shop.field = 'merchant' AND shop.key = daily.merchant::VARCHAR
    AND shop.tick <= daily.tick
ASOF LEFT JOIN known AS land
    ON land.field = 'country' AND land.key = daily.country::VARCHAR AND land.tick <= daily.tick
ASOF LEFT JOIN known AS kind
    ON kind.field = 'category' AND kind.key = daily.category::VARCHAR AND kind.tick <= daily.tick;
