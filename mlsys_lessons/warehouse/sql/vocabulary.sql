-- The schema of the category columns: the agreed words. Any other word is read as NULL.
CREATE TEMP TYPE known_country AS ENUM ('DE', 'ES', 'FR', 'IT', 'NL', 'PL', 'NO');
CREATE TEMP TYPE known_category AS ENUM (
    'grocery', 'fuel', 'restaurant', 'fashion', 'electronics', 'travel', 'gaming', 'gift_cards'
);
CREATE TEMP TYPE known_channel AS ENUM ('chip', 'contactless', 'online');
