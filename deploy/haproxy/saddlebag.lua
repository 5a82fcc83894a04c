-- Asks the gateway of saddlebag about a request: see haproxy.cfg.

local gateway = os.getenv("SADDLEBAG_GATEWAY") .. "/v1/authorize"

-- What tells of a session and of a browser. Nothing else goes to the gateway.
local asked = { "cookie", "authorization", "accept", "sec-fetch-mode" }
local told = { "x-session-id", "x-session-subject", "x-session-expires", "x-session-state", "x-session-encoding" }

core.register_action("saddlebag", { "http-req" }, function(txn)
    local sent = txn.http:req_get_headers()
    local headers = {
        ["x-original-method"] = { txn.sf:method() },
        ["x-original-uri"] = { txn.sf:pathq() },
    }
    for _, name in ipairs(asked) do
        local values = {}
        -- HAProxy counts from 0.
        for index = 0, sent[name] and #sent[name] or -1 do
            values[#values + 1] = sent[name][index]
        end
        if #values > 0 then
            headers[name] = values
        end
    end

    local answer = core.httpclient():get { url = gateway, headers = headers, timeout = 12000 }
    -- Without an answer the status stays unset, and nothing passes.
    if not answer or not answer.status or answer.status == 0 then
        return
    end
    local function header(name)
        return answer.headers and answer.headers[name] and answer.headers[name][0]
    end
    local status = answer.status
    local login = header("location")
    if login and (status == 302 or status == 401) then
        txn:set_var("txn.saddlebag_login", login)
    end
    local cookie = header("set-cookie")
    if cookie then
        txn:set_var("txn.saddlebag_cookie", cookie)
    end
    if status == 200 then
        for _, name in ipairs(told) do
            txn.http:req_set_header(name, header(name) or "")
        end
    end
    txn:set_var("txn.saddlebag_status", status)
end)
