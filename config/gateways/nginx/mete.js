// What nginx's directives cannot do: see into bodies. Written for njs, nginx's JavaScript, from 0.7.9 on.
// mete.conf says what is called when.

// Longer answers are passed on all the same, but their usage is not read: the log says that it is missing.
const LONGEST_ANSWER = 32 * 1024 * 1024;

// A model's name stands in a header to Mete: visible characters only, and not many.
const MODEL = /^[\x21-\x7e]{1,200}$/;

function refuse(r, status, code, message) {
    r.headersOut['Content-Type'] = 'application/json';
    r.headersOut['X-Should-Retry'] = 'false';
    const error = {message: message, type: 'invalid_request_error', param: null, code: code};
    r.return(status, JSON.stringify({error: error}));
}

// The model of a form; undefined unless it has one such field, and nothing that somebody else may take for one.
function model_of_form(text) {
    const looks = /name[\s*]*=[^;]{0,8}model/gi;
    const field = /content-disposition:[^\r\n]*;[ \t]*name="?model"?[ \t]*\r\n(?:[^\r\n]+\r\n)*\r\n([^\r\n]*)\r\n/i;
    const found = text.match(looks);
    const match = field.exec(text);
    return found && found.length === 1 && match ? match[1] : undefined;
}

// Only the last chunk of such a stream has the usage, and only if it was asked for.
function hides_usage(path, body) {
    const asks = body.stream_options && body.stream_options.include_usage === true;
    return body.stream === true && !asks && /\/(chat\/)?completions$/.test(path);
}

function is_count(value) {
    return Number.isSafeInteger(value) && value > 0;
}

// How many tokens all answers together may have; undefined where the body sets no limit.
function most_output(body) {
    const limits = [body.max_completion_tokens, body.max_output_tokens, body.max_tokens].filter(is_count);
    if (limits.length === 0) {
        return undefined;
    }
    const answers = [body.n, body.best_of].filter(is_count);
    const most = Math.max.apply(null, limits) * Math.max.apply(null, [1].concat(answers));
    return Number.isSafeInteger(most) ? most : undefined;
}

// Whether the input is text that stands in the body, at the model's plain price.
function is_plain(body) {
    const tools = Array.isArray(body.tools) ? body.tools : [];
    const own = tools.every((tool) => tool && (!tool.type || tool.type === 'function' || tool.type === 'custom'));
    // What stands elsewhere, and what has an answer for each of its parts.
    const elsewhere = body.previous_response_id || body.conversation || (body.prompt && typeof body.prompt !== 'string');
    // What is priced in its own way.
    const dear = body.web_search_options || body.prediction || body.audio || (body.modalities && body.modalities != 'text');
    const tier = body.service_tier === undefined || body.service_tier === 'default';
    const media = /"type":"[a-z_]*(image|file|audio|video|document|reference)/;
    return own && tier && !elsewhere && !dear && !media.test(JSON.stringify(body));
}

// Has Mete hold the most that a request can cost: a text has no more tokens than bytes. Where that cannot be told, Mete
// holds what it takes for enough.
function hold(r, body) {
    const output = most_output(body);
    r.variables.mete_hold = 'take';
    if (output !== undefined && is_plain(body)) {
        r.variables.mete_input_tokens = String(r.requestBuffer.length);
        r.variables.mete_max_output_tokens = String(output);
    }
}

// js_content: finds the model in the request's body, if there is one, and goes on to ask about it.
function receive(r) {
    let text;
    try {
        text = r.requestText || '';
    } catch (error) {
        return refuse(r, 413, 'body_too_large', 'The body does not fit in the memory that the gateway has for it.');
    }
    let model;
    let told = {};
    if (/^multipart\/form-data/i.test(r.headersIn['Content-Type'] || '')) {
        model = model_of_form(text);
        if (model === undefined) {
            return refuse(r, 400, 'unclear_model', 'The form must have one field "model".');
        }
    } else if (text !== '') {
        let body;
        try {
            body = JSON.parse(text);
        } catch (error) {
            body = null;
        }
        if (typeof body !== 'object' || body === null || Array.isArray(body)) {
            return refuse(r, 400, 'invalid_json', 'The body must be a JSON object, not packed, or a form.');
        }
        if (hides_usage(r.uri, body)) {
            const message = 'Streams are counted here: send "stream_options": {"include_usage": true} with the request.';
            return refuse(r, 400, 'stream_without_usage', message);
        }
        model = body.model;
        told = body;
    }
    if (model !== undefined) {
        if (typeof model !== 'string' || !MODEL.test(model)) {
            return refuse(r, 400, 'unclear_model', 'The model must be a text of at most 200 visible ASCII characters.');
        }
        r.variables.mete_model = model;
        hold(r, told);
    }
    r.internalRedirect('@asked');
}

// What is known of this answer so far. Every request has its own.
let kept = [];
let length = 0;
let usage = {};

function note(document) {
    const whole = document.response || document.message || document;
    const told = whole.usage || document.usage;
    if (whole.model) {
        usage.model = whole.model;
    }
    if (told) {
        // Anthropic's streams tell the input at first and the output at last.
        Object.keys(told).forEach((name) => { usage[name] = told[name]; });
    }
}

function note_text(text) {
    try {
        const document = JSON.parse(text);
        if (typeof document === 'object' && document !== null) {
            note(document);
        }
    } catch (error) {
        // "[DONE]", or an answer that is no JSON: it tells nothing.
    }
}

// The lines of a stream that are complete; the rest is kept for the next chunk.
function note_lines(last) {
    const data = kept.length === 1 ? kept[0] : Buffer.concat(kept);
    const end = last ? data.length : data.lastIndexOf(10) + 1;
    kept = [data.slice(end)];
    length = data.length - end;
    data.slice(0, end).toString().split('\n').forEach((line) => {
        if (line.startsWith('data:') && line.includes('"usage"')) {
            note_text(line.slice(5));
        }
    });
}

function count(value) {
    return typeof value === 'number' && value >= 0 ? value : 0;
}

function tell(r) {
    const variables = r.variables;
    if (typeof usage.model === 'string') {
        variables.llm_model = usage.model;
    }
    const openai = usage.prompt_tokens !== undefined;
    const input = openai ? usage.prompt_tokens : usage.input_tokens;
    if (input === undefined) {
        return;
    }
    const details = usage.prompt_tokens_details || usage.input_tokens_details || {};
    // Anthropic counts these two outside of its input.
    const read = openai ? 0 : count(usage.cache_read_input_tokens);
    const written = openai ? 0 : count(usage.cache_creation_input_tokens);
    const output = openai ? usage.completion_tokens : usage.output_tokens;
    variables.llm_input_tokens = String(count(input) + read + written);
    variables.llm_cached_tokens = String(count(details.cached_tokens) + read);
    variables.llm_cache_write_tokens = String(written);
    variables.llm_output_tokens = String(count(output));
}

// js_body_filter: passes each chunk on at once and looks for the usage in it.
function read_usage(r, data, flags) {
    r.sendBuffer(data, flags);
    if (length <= LONGEST_ANSWER && data.length > 0) {
        kept.push(Buffer.from(data));
        length += data.length;
    }
    const stream = /^text\/event-stream/i.test(r.headersOut['Content-Type'] || '');
    if (stream && length <= LONGEST_ANSWER && (flags.last || data.includes(10))) {
        note_lines(flags.last);
    }
    if (!flags.last) {
        return;
    }
    if (!stream && length <= LONGEST_ANSWER) {
        note_text(Buffer.concat(kept).toString());
    }
    tell(r);
}

export default {receive, read_usage};
