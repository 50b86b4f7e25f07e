"""The engine's scripts on the log. Each checks that the caller still leads, and writes, in one atomic step.

All take the caller's term and owner first and answer `["fenced", term, owner]` when somebody else (or nobody: a wiped
Redis) is written there. Numbers are passed as strings. TIME is Redis's own clock, so a lease never compares the clocks
of two machines.
"""

from exchange_site.kernel import redis_names
from matching.transport.script import Script

REPLIES_EXPIRE_S = 3_600  # A stream of answers unused for so long belongs to a process that is gone.

_NOW = """
local t = redis.call('TIME')
local now_ms = t[1] * 1000 + math.floor(t[2] / 1000)
"""

_MINE = """
local mine = redis.call('HMGET', KEYS[1], 'term', 'owner')
if mine[1] ~= ARGV[1] or mine[2] ~= ARGV[2] then return {'fenced', mine[1] or '', mine[2] or ''} end
"""

# KEYS eng. ARGV term, owner, lease in ms. Takes the leadership unless a later term, or another owner of it, leads.
FENCE = Script(
    """
local known = redis.call('HMGET', KEYS[1], 'term', 'owner')
if known[1] and (tonumber(known[1]) > tonumber(ARGV[1]) or (known[1] == ARGV[1] and known[2] ~= ARGV[2])) then
  return {'fenced', known[1], known[2] or ''}
end
"""
    + _NOW
    + """
redis.call('HSET', KEYS[1], 'term', ARGV[1], 'owner', ARGV[2], 'status', 'closed',
  'lease_until_ms', string.format('%.0f', now_ms + tonumber(ARGV[3])))
return {'ok'}
"""
)

# KEYS eng. ARGV term, owner, n, seq, chain (hex), at_ms. Says where ev ends, so that `publish` continues exactly there.
ANCHOR = Script(
    _MINE
    + """
redis.call('HSET', KEYS[1], 'n', ARGV[3], 'seq', ARGV[4], 'chain', ARGV[5], 'at_ms', ARGV[6])
return {'ok'}
"""
)

# KEYS eng. ARGV term, owner, lease in ms, commands waiting, status. Admits from here on; counters start again, and a
# wish that the leader before should step down is fulfilled.
OPEN = Script(
    _MINE
    + _NOW
    + """
redis.call('HSET', KEYS[1], 'status', ARGV[5], 'admitted', ARGV[4], 'processed', '0',
  'lease_until_ms', string.format('%.0f', now_ms + tonumber(ARGV[3])))
redis.call('HDEL', KEYS[1], 'stepdown')
return {'ok'}
"""
)

# KEYS eng. ARGV term, owner, status. Changes what is admitted.
ADMIT = Script(
    _MINE
    + """
redis.call('HSET', KEYS[1], 'status', ARGV[3])
return {'ok'}
"""
)

# KEYS eng. ARGV term, owner. Nobody leads from here on.
STEP_DOWN = Script(
    _MINE
    + """
redis.call('HSET', KEYS[1], 'status', 'closed', 'lease_until_ms', '0')
redis.call('HDEL', KEYS[1], 'stepdown')
return {'ok'}
"""
)

# KEYS eng. ARGV term, owner, lease in ms, ms the log's time is ahead of the wall clock, rules in force. Answers ["ok",
# db_n, snapshot_requested, republish_from, stepdown], each note maybe nil.
RENEW = Script(
    _MINE
    + _NOW
    + """
redis.call('HSET', KEYS[1], 'lease_until_ms', string.format('%.0f', now_ms + tonumber(ARGV[3])),
  'ahead_ms', ARGV[4], 'rules', ARGV[5])
local e = redis.call('HMGET', KEYS[1], 'db_n', 'snapshot_requested', 'republish_from', 'stepdown')
return {'ok', e[1], e[2], e[3], e[4]}
"""
)

# KEYS eng. ARGV term, owner, "1" to give up the lease as well. No command is admitted from here on.
CLOSE = Script(
    _MINE
    + """
redis.call('HSET', KEYS[1], 'status', 'closed')
if ARGV[3] == '1' then redis.call('HSET', KEYS[1], 'lease_until_ms', '0') end
return {'ok'}
"""
)

# KEYS eng. ARGV term, owner, request seen, n of the snapshot. A newer request made meanwhile stays.
SNAPSHOT_DONE = Script(
    _MINE
    + """
redis.call('HSET', KEYS[1], 'snapshot_n', ARGV[4])
if redis.call('HGET', KEYS[1], 'snapshot_requested') == ARGV[3] then
  redis.call('HDEL', KEYS[1], 'snapshot_requested')
end
return {'ok'}
"""
)

# KEYS eng, ev. ARGV term, owner, request seen. Empties ev, so that the engine publishes it again from a snapshot on.
RESET_EVENTS = Script(
    _MINE
    + """
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[1], 'status', 'closed')
if redis.call('HGET', KEYS[1], 'republish_from') == ARGV[3] then redis.call('HDEL', KEYS[1], 'republish_from') end
return {'ok'}
"""
)

# KEYS eng. ARGV term, owner, request seen.
DROP_REPUBLISH = Script(
    _MINE
    + """
if redis.call('HGET', KEYS[1], 'republish_from') == ARGV[3] then redis.call('HDEL', KEYS[1], 'republish_from') end
return {'ok'}
"""
)

# KEYS eng, ev, answers of each origin. ARGV term, owner, n before, first n, last n ("" when there are only answers),
# seq, chain (32 bytes), chain (hex), at_ms, commands processed, outcomes, then the answers in the order of the keys.
# Answers ["gap", n] when the n before is not the last n: nothing was written.
PUBLISH = Script(
    _MINE
    + f"""
if ARGV[5] ~= '' then
  local n = redis.call('HGET', KEYS[1], 'n') or '0'
  if n ~= ARGV[3] then return {{'gap', n}} end
  redis.call('XADD', KEYS[2], ARGV[5] .. '-0', 'f', ARGV[4], 't', ARGV[1], 'c', ARGV[7], 'b', ARGV[11])
  redis.call('HSET', KEYS[1], 'n', ARGV[5], 'seq', ARGV[6], 'chain', ARGV[8], 'at_ms', ARGV[9])
end
redis.call('HINCRBY', KEYS[1], 'processed', ARGV[10])
for i = 3, #KEYS do
  redis.call('XADD', KEYS[i], 'MAXLEN', '~', '{redis_names.REPLIES_KEPT}', '*', 'b', ARGV[9 + i])
  redis.call('EXPIRE', KEYS[i], '{REPLIES_EXPIRE_S}')
end
return {{'ok'}}
"""
)

# KEYS standby. ARGV owner, what it says about itself, ms for which it is believed ("0": it stands by no longer). Each
# field is "<believed until, ms of Redis's clock> <words>"; those that ran out are removed on the way.
ANNOUNCE = Script(
    _NOW
    + """
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local until_ms = tonumber(string.match(all[i + 1], '^%d+') or '0')
  if until_ms < now_ms then redis.call('HDEL', KEYS[1], all[i]) end
end
if ARGV[3] == '0' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now_ms + tonumber(ARGV[3])) .. ' ' .. ARGV[2])
  redis.call('EXPIRE', KEYS[1], '60')
end
return {'ok'}
"""
)
