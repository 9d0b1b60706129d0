-- The readable part of each row, in order of arrival; event_ms is the producer's claim, or the
-- arrival where the claim is in doubt. What cannot be read is NULL. A row that is not kept gets
-- features, and counts in nobody's history; one whose amount is in doubt counts, and adds to no sum.
-- Only this step reads the raw columns; their words are in vocabulary.sql.
CREATE OR REPLACE TEMP TABLE payments AS
SELECT
    row_number() OVER (ORDER BY arrival_time, row_id) AS arrival,
    date_diff('day', DATE '2025-01-01', arrival_time)::INTEGER AS tick,
    request_id,
    event_time,
    CASE WHEN quarantine_reason LIKE 'event_time%' THEN arrival_time ELSE event_time END AS moment,
    epoch_ms(moment) AS event_ms,
    epoch_ms(account_opened) AS opened_ms,
    CASE WHEN customer_id BETWEEN 0 AND 16_777_215 THEN customer_id::INTEGER END AS customer,
    CASE WHEN merchant_id BETWEEN 0 AND 1_048_575 THEN merchant_id::INTEGER END AS merchant,
    try_cast(card_country AS known_country) AS home,
    try_cast(country AS known_country) AS country,
    try_cast(category AS known_category) AS category,
    try_cast(channel AS known_channel) AS channel,
    amount AS claimed,
    coalesce(quarantine_reason LIKE 'amount%', false) AS in_doubt,
    CASE
        WHEN in_doubt THEN NULL
        WHEN amount > 0 AND amount <= 1e9 THEN amount
    END AS euros,
    round_even(euros * 100, 0)::BIGINT AS cents,
    customer IS NOT NULL AND event_ms IS NOT NULL
        AND moment >= TIMESTAMP '2022-05-12'
        AND moment < TIMESTAMP '2030-12-22 10:58:26.943' AS is_legible,
    is_legible AND (in_doubt OR coalesce(cents, 0) > 0) AND NOT is_quarantined AS is_kept
FROM requests
WHERE NOT is_duplicate;  -- a repeat gets the first answer again and is no new payment
