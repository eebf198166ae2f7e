-- What HAProxy's directives cannot do: asking Mete, and seeing into bodies. For Lua 5.3 with cjson.
-- haproxy.cfg says what is called when.

local cjson = require("cjson.safe")
cjson.decode_invalid_numbers(false)

-- The way to Mete, which haproxy.cfg opens.
local METE = "abns@mete"
-- A body that does not say how long it is may go on behind what HAProxy has of it, unless that is shorter than this.
local LONGEST_UNSIZED = 1024 * 1024
-- Longer answers are passed on all the same, but their usage is not read: the log says that it is missing.
local LONGEST_ANSWER = 32 * 1024 * 1024

local NO_STORE = { ["cache-control"] = { "no-store" }, ["content-type"] = { "application/json" } }

-- Ends the request with this answer.
local function answer(txn, status, headers, body)
    local reply = txn:reply({ status = status, body = body })
    for name, values in pairs(headers) do
        for _, value in pairs(values) do
            reply:add_header(name, value)
        end
    end
    txn:done(reply)
end

local function refuse(txn, status, code, message)
    local body = '{"error":{"message":"%s","type":"invalid_request_error","param":null,"code":"%s"}}'
    local headers = { ["x-should-retry"] = { "false" }, ["content-type"] = { "application/json" } }
    answer(txn, status, headers, body:format(message, code))
end

local function away(txn)
    local headers = { ["retry-after"] = { "1" } }
    for name, values in pairs(NO_STORE) do
        headers[name] = values
    end
    answer(txn, 503, headers, '{"error":{"message":"Whether this key may be used cannot be asked at the moment. Try again.","type":"server_error","param":null,"code":"gate_unavailable"}}')
end

-- For the log: texts by name, without the braces around them.
local function fields(texts)
    return cjson.encode(texts):sub(2, -2)
end

-- In seconds, with microseconds behind the point.
local function now()
    local time = core.now()
    return string.format("%d.%06d", time.sec, time.usec)
end

-- Has a line of this request in the log, which takes what is that urgent and nothing else.
local function log(txn)
    txn:set_loglevel(core.alert)
end

-- A whole number above 0 that a double has exactly.
local function is_count(value)
    return type(value) == "number" and value > 0 and value < 2 ^ 53 and value == math.floor(value)
end

-- The largest of the fields `names` that are counts.
local function largest(body, names)
    local most
    for _, name in ipairs(names) do
        if is_count(body[name]) and body[name] > (most or 0) then
            most = body[name]
        end
    end
    return most
end

-- How many tokens all answers together may have; nil where the body sets no limit.
local function most_output(body)
    local limit = largest(body, { "max_completion_tokens", "max_output_tokens", "max_tokens" })
    local most = limit and limit * (largest(body, { "n", "best_of" }) or 1)
    return is_count(most) and most or nil
end

-- Whether a field has something in it.
local function is_given(value)
    return value ~= nil and value ~= cjson.null and value ~= false and value ~= ""
end

-- Whether the tools are all the client's own.
local function are_own(tools)
    for _, tool in pairs(type(tools) == "table" and tools or {}) do
        local kind = type(tool) == "table" and tool.type
        if not (type(tool) == "table" and (not is_given(kind) or kind == "function" or kind == "custom")) then
            return false
        end
    end
    return true
end

-- What something of the kind `type` may be, in which there is more than text.
local MEDIA = { "image", "file", "audio", "video", "document", "reference" }

-- Whether something in the body is no text, however deep.
local function has_media(value)
    for name, inner in pairs(value) do
        if type(inner) == "table" and has_media(inner) then
            return true
        end
        if name == "type" and type(inner) == "string" then
            for _, kind in ipairs(MEDIA) do
                if inner:find(kind, 1, true) then
                    return true
                end
            end
        end
    end
    return false
end

-- Whether the input is text that stands in the body, at the model's plain price.
local function is_plain(body)
    -- What stands elsewhere, and what has an answer for each of its parts.
    local elsewhere = is_given(body.previous_response_id) or is_given(body.conversation)
        or (is_given(body.prompt) and type(body.prompt) ~= "string")
    -- What is priced in its own way.
    local dear = is_given(body.web_search_options) or is_given(body.prediction) or is_given(body.audio)
        or is_given(body.modalities)
    local tier = body.service_tier == nil or body.service_tier == "default"
    return tier and not elsewhere and not dear and are_own(body.tools) and not has_media(body)
end

-- Only the last chunk of such a stream has the usage, and only if it was asked for.
local function hides_usage(path, body)
    local options = type(body.stream_options) == "table" and body.stream_options or {}
    return body.stream == true and options.include_usage ~= true and path:find("/completions$")
end

-- Reads the body, and tells Mete in `headers` what it says. Ends the request if it is unclear.
local function describe(txn, headers)
    local size, text = txn.f:req_body_size(), txn.sf:req_body()
    local is_unsized = headers["x-mete-bytes"][1] == ""
    if size > #text or (is_unsized and #text > LONGEST_UNSIZED) then
        return refuse(txn, 413, "body_too_large", "The body does not fit in the memory that the gateway has for it.")
    end
    if text == "" then
        return
    end
    local body = text:find("^%s*{") and cjson.decode(text)
    if type(body) ~= "table" then
        return refuse(txn, 400, "invalid_json", "The body must be a JSON object, not packed.")
    end
    if hides_usage(txn.sf:path(), body) then
        return refuse(txn, 400, "stream_without_usage", "Streams are counted here: send \\\"stream_options\\\": {\\\"include_usage\\\": true} with the request.")
    end
    local model = body.model
    if model == nil then
        return
    end
    if type(model) ~= "string" or #model > 200 or not model:find("^[\x21-\x7e]+$") then
        return refuse(txn, 400, "unclear_model", "The model must be a text of at most 200 visible ASCII characters.")
    end
    headers["x-mete-model"] = { model }
    headers["x-mete-hold"] = { "take" }
    local output = most_output(body)
    if output and is_plain(body) then
        -- A text has no more tokens than bytes.
        headers["x-mete-input-tokens"] = { tostring(#text) }
        headers["x-mete-max-output-tokens"] = { string.format("%d", output) }
    end
end

-- What of Mete's answer the client gets, beside status and body.
local PASSED_ON = { "content-type", "cache-control", "x-should-retry", "retry-after", "retry-after-ms", "www-authenticate" }
for _, what in ipairs({ "limit", "remaining", "reset" }) do
    for _, unit in ipairs({ "requests", "tokens" }) do
        PASSED_ON[#PASSED_ON + 1] = "x-ratelimit-" .. what .. "-" .. unit
    end
end

-- http-request lua.mete_ask: Mete decides.
core.register_action("mete_ask", { "http-req" }, function(txn)
    local headers = {
        ["x-original-method"] = { txn.sf:method() },
        ["x-original-uri"] = { txn.sf:path() },
        -- By the id of its line in the log, the usage ends the hold.
        ["x-mete-request-id"] = { txn.sf:unique_id() },
        ["x-mete-bytes"] = { txn.sf:req_hdr("content-length") },
        ["authorization"] = { txn.sf:req_hdr("authorization") },
        ["x-api-key"] = { txn.sf:req_hdr("x-api-key") },
    }
    if not txn:get_var("txn.is_files") then
        describe(txn, headers)
    end
    local model = headers["x-mete-model"] and headers["x-mete-model"][1]
    for name, values in pairs(headers) do
        if values[1] == "" then
            headers[name] = nil
        end
    end
    local told = core.httpclient():get({ url = "http://mete/v1/authorize", dst = METE, headers = headers })
    local status = told and told.status or 0
    if status == 204 then
        local key, project = told.headers["x-mete-key-id"][0], told.headers["x-mete-project-id"][0]
        txn:set_var("txn.mete_key_id", key)
        txn:set_var("txn.mete_project_id", project)
        local uri = txn.sf:path():sub(1, 200)
        txn:set_var("txn.mete_asked", fields({ uri = uri, project = project, key = key, requested_model = model }))
        -- Until the answer says more.
        txn:set_var("txn.mete_used", fields({ time = now() }))
        if model then
            log(txn)
        end
    elseif status >= 400 and status < 500 then
        local passed = {}
        for _, name in ipairs(PASSED_ON) do
            passed[name] = told.headers[name]
        end
        answer(txn, status, passed, told.body)
    else
        away(txn)
    end
end)

-- filter lua.mete_usage: looks for the usage in each answer, whose chunks pass on at once. Each request has its own.
local Usage = { id = "mete_usage", flags = filter.FLT_CFG_FL_HTX }
Usage.__index = Usage

function Usage:new()
    return setmetatable({ kept = {}, length = 0, told = {} }, Usage)
end

function Usage:start_analyze(txn, channel)
    if channel:is_resp() then
        filter.register_data_filter(self, channel)
    end
end

function Usage:http_headers(txn, message)
    if message:is_resp() then
        local headers = message:get_headers()
        local kind = headers["content-type"]
        self.is_stream = kind ~= nil and kind[0]:lower():find("^text/event%-stream") ~= nil
        local cost = headers["x-litellm-response-cost"]
        self.cost = cost and cost[0]
    end
    return filter.CONTINUE
end

-- What a document of an answer tells.
function Usage:note(text)
    local document = cjson.decode(text)
    if type(document) ~= "table" then
        -- "[DONE]", or an answer that is no JSON: it tells nothing.
        return
    end
    local inner = document.response or document.message
    local whole = type(inner) == "table" and inner or document
    if type(whole.model) == "string" then
        self.told.model = whole.model
    end
    local usage = type(whole.usage) == "table" and whole.usage or document.usage
    -- Anthropic's streams tell the input at first and the output at last.
    for name, value in pairs(type(usage) == "table" and usage or {}) do
        self.told[name] = value
    end
end

-- The lines of a stream that are complete; the rest is kept for the next chunk.
function Usage:note_lines()
    local text = table.concat(self.kept)
    local last = text:match(".*\n()") or 1
    for line in text:sub(1, last - 1):gmatch("[^\r\n]+") do
        if line:find("^data:") and line:find('"usage"', 1, true) then
            self:note(line:sub(6))
        end
    end
    self.kept = { text:sub(last) }
    self.length = #self.kept[1]
end

function Usage:http_payload(txn, message)
    if not message:is_resp() then
        return
    end
    local data = message:body()
    if data and self.length <= LONGEST_ANSWER then
        self.kept[#self.kept + 1] = data
        self.length = self.length + #data
        if self.is_stream and data:find("\n", 1, true) then
            self:note_lines()
        end
    end
end

local function count(value)
    return type(value) == "number" and value >= 0 and math.floor(value) or 0
end

function Usage:http_end(txn, message)
    if not message:is_resp() then
        return filter.CONTINUE
    end
    if self.length <= LONGEST_ANSWER then
        if self.is_stream then
            self.kept[#self.kept + 1] = "\n"
            self:note_lines()
        else
            self:note(table.concat(self.kept))
        end
    end
    self:tell(txn)
    return filter.CONTINUE
end

-- The usage, for the log.
function Usage:tell(txn)
    local told = self.told
    local used = { time = now(), model = told.model, cost = self.cost }
    local is_openai = told.prompt_tokens ~= nil
    local input = told.prompt_tokens or told.input_tokens
    if input ~= nil then
        local details = told.prompt_tokens_details or told.input_tokens_details
        details = type(details) == "table" and details or {}
        -- Anthropic counts these two outside of its input.
        local read = is_openai and 0 or count(told.cache_read_input_tokens)
        local written = is_openai and 0 or count(told.cache_creation_input_tokens)
        used.input_tokens = tostring(count(input) + read + written)
        used.cached_tokens = tostring(count(details.cached_tokens) + read)
        used.cache_write_tokens = tostring(written)
        used.output_tokens = tostring(count(is_openai and told.completion_tokens or told.output_tokens))
    end
    txn:set_var("txn.mete_used", fields(used))
    if told.model then
        log(txn)
    end
end

core.register_filter("mete_usage", Usage, function(usage, args)
    return usage
end)
