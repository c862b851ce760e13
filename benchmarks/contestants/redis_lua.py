"""The least that is correct in Redis or Valkey: scripts that check the owner, work, and slide the lifetime.

A session is one HASH with its owner beside the values. It expires by the server's own expiry, which each call moves; so
what has expired is simply not there. There is no greatest lifetime, no version, no limit and no tombstone.
"""

OWNER = "0123456789abcdef" * 4
IDLE = 1_800_000

_CHECK = "if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return {'gone'} end "
_SLIDE = f" redis.call('PEXPIRE', KEYS[1], {IDLE}) return {{'ok', result}}"

GET = _CHECK + "local result = redis.call('HGET', KEYS[1], ARGV[2])" + _SLIDE
SET = _CHECK + "local result = redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])" + _SLIDE
INCREMENT = _CHECK + "local result = redis.call('HINCRBY', KEYS[1], ARGV[2], ARGV[3])" + _SLIDE
