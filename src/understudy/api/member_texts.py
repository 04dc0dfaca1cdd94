"""What members of objects mean, by their names, for the OpenAPI document and the reference.

A name means the same in all objects. A member whose type has a description of its own keeps that one. Knows no
operation.
"""

from typing import Any, Final

_TEXTS: Final = """
action: What the tool is to do.
additional_instructions: Appended to the instructions on a new line.
additional_messages: Messages to add to the thread before the run.
allowed_callers: Who may call the tool: the model, or code that it runs.
allowed_tools: The tools of the server that may be called; without it, all.
amount: A sum of money with its currency.
annotations: Citations in the text, and paths of files.
approve: Whether the call is approved.
arguments: The arguments of the call, as JSON text.
aspect_ratio: Width to height, like `16:9`.
assistant_id: The id of the assistant.
attachments: Files of the message, and the tools that may use them.
attributes: Up to 16 values by which a search can filter.
background: Whether the response is made in the background, to be polled or followed.
balance: The balance in credits.
best_of: The number of completions of which the best are returned.
bytes: The size in bytes.
cached_tokens: Tokens of the prompt that the provider had cached.
call_id: The id by which the call and its output belong together.
callback_url: A URL that receives a POST when the video ends.
cancelled_at: When it was cancelled, in Unix seconds.
caller: Who called the tool.
chunk_index: The place of the passage in its file, from 0.
chunk_overlap_tokens: Tokens that neighbouring chunks share.
chunking_strategy: How files are divided into passages.
code: A short name of the error, for programs.
code_interpreter: What the code interpreter uses or has returned.
command: The command to run.
completed_at: When it was completed, in Unix seconds.
completion_tokens: Tokens that the model has written.
completion_window: The time within which the batch is completed.
container: The container in which the code runs.
container_id: The id of the container.
content: The parts of the message, or its text.
content_index: The index of the content part, from 0.
context_management: What happens when the context window is full.
conversation: The conversation that the response continues and is added to.
count: The number of objects.
created: When it was created, in Unix seconds.
created_at: When it was created, in Unix seconds.
credits_used: The cost in credits.
currency: The currency of the sum.
current_page: The number of the page, from 1.
custom_id: The request's id of your own, by which its result is found.
data: The objects of the page, or the contents.
days: The number of days.
deleted: Whether the object was deleted.
delta: What is added to the object.
description: What it is for, in words.
detail: How closely the model looks at the image: `low`, `high` or `auto`.
dimensions: The number of values of each vector.
duration: The duration in seconds.
echo: Whether the completion begins with the prompt.
effort: How much the model reasons.
email: An e-mail address.
embedding_weight: The weight of vectors in the ranking.
encoding_format: How vectors are returned: numbers or base64.
encrypted_content: Contents that only the server which made them can read.
end_index: The position in the text behind the citation, in characters.
end_time: The end of the period, in Unix seconds.
endpoint: The operation that each line of the batch requests.
error: Why it failed; null if it did not.
errors: Why it failed, one entry for each problem.
event: The type of the event.
event_type: The type of the event.
event_types: The types of events to deliver.
expired_at: When it expired, in Unix seconds.
expires_after: When the object expires.
expires_at: When it expires, in Unix seconds; null if it does not.
expires_in_seconds: The number of seconds until it expires.
failed_at: When it failed, in Unix seconds.
features: What the model can do.
file: The file.
file_citation: The file that is cited.
file_counts: The number of files in each state.
file_id: The id of the file.
file_ids: The ids of files.
file_path: A file that the code has created.
file_search: What file search uses or has returned.
filename: The name of the file.
filters: Conditions on the attributes of files.
first_id: The id of the first object of the page; null if it is empty.
format: The format of the output.
function: The function: its name, and its description or arguments.
generation_type: What is made: a video or an image.
has_more: Whether another page follows.
heading_path: The headings above the passage, outermost first.
headers: HTTP headers to send.
hybrid_search: The weights of words and vectors.
id: The id of the object.
image_file: An image that was uploaded as a file.
image_url: An image by its address.
incomplete_details: Why it ended early.
index: The place in its list or text, from 0.
input: What the model receives: a text, or a list of items.
input_file_id: The id of the file with the requests.
input_schema: A JSON schema of the arguments.
input_tokens: Tokens that the model has read.
input_tokens_details: Tokens of the input by kind.
instructions: What the model is to follow.
item: The item.
item_id: The id of the item.
items: The items.
json_schema: The schema that the answer has to match.
key: The name of the value, or the key.
keyframes: Images or videos to begin and end with.
kind: The kind of the object.
last_active_at: When it was last used, in Unix seconds.
last_error: Why it failed; null if it did not.
last_id: The id of the last object of the page; null if it is empty.
last_messages: The number of latest messages that the model receives.
last_run: The latest run of the thread.
last_used_at: When it was last used, in Unix seconds; null if it was not.
logprobs: Log probabilities of the tokens.
loop: Whether the end of the video leads to its beginning.
max_chunk_size_tokens: The largest size of a passage in tokens.
max_completion_tokens: The most tokens that the model may write.
max_num_results: The most results of a search.
max_output_tokens: The most tokens that the model may write.
max_prompt_tokens: The most tokens that the model may read.
max_tokens: The most tokens that the model may write.
max_tool_calls: The most calls of built-in tools.
md5: The checksum of the contents, to be verified.
media_type: The media type of the contents.
memory_limit: The memory of the container.
message: A sentence for people, or the message.
message_id: The id of the message.
messages: The messages of the conversation, oldest first.
metadata: Up to 16 texts of your own, by keys of up to 64 characters.
mime_type: The media type of the contents.
minutes: The number of minutes.
mode: How it is used.
model: The id of the model.
n: The number of choices to make.
name: The name, for people or for calls.
namespace: The group of functions that the function belongs to.
network_policy: Whether code may use the network.
next_cursor: The cursor of the next page; null on the last one.
next_page: The cursor of the next page; null on the last one.
num_model_requests: The number of requests to models.
obfuscation: Random characters that hide the length of the text.
object: The type of the object.
output: What the tool or model has returned.
output_index: The index of the output item, from 0.
output_tokens: Tokens that the model has written.
output_tokens_details: Tokens of the output by kind.
outputs: What the code has written: logs and images.
owned_by: Who provides the model.
page: The page of the document, from 1.
parallel_tool_calls: Whether the model may call several tools in one turn.
param: The member that is wrong.
parameters: A JSON schema of the arguments.
part: The part of the content.
part_ids: The ids of the parts, in order.
path: The path of the file.
previous_response_id: The response whose conversation this one continues.
progress: The progress in percent.
project_id: The id of the project.
prompt: The text to continue, or what the video shows.
prompt_tokens: Tokens that the model has read.
purpose: What the file is for.
query: The words to search for.
rank: The place in the ranking, from 1.
ranking_options: How results are ranked, and from which score on they count.
reason: Why it ended.
reasoning: How much the model reasons, and which summary is returned.
reasoning_effort: How much the model reasons before it answers.
reasoning_tokens: Tokens of the model's reasoning.
refusal: Why the model refuses to answer.
request_counts: The number of requests in each state.
request_id: The id of the request, which the log has as well.
requests: The number of requests, or the requests.
require_approval: Which calls need the client's approval.
resolution: The height of the video, like `720p`.
response: The response.
response_format: The format of the answer: text, JSON, or JSON of a schema.
results: What was found.
role: Who the message is from.
run_id: The id of the run.
safety_identifier: A stable id of the end user, forwarded to the provider.
schema: A JSON schema.
score: How well the passage matches, from 0 to 1.
score_threshold: The lowest score of results.
seconds: The number of seconds.
sequence_number: The number of the event, by which a stream is resumed.
server_label: A name of the MCP server in calls.
server_url: The address of the MCP server.
service_tier: The provider's tier of processing.
slug: The name of the tool or toolkit in calls.
start_index: The position in the text where the citation begins, in characters.
start_time: The beginning of the period, in Unix seconds.
started_at: When it was started, in Unix seconds.
status: The state of the object.
status_code: The HTTP status of the response.
step_details: The message, or the calls of tools, of the step.
stop_sequences: Texts at which the model stops.
store: Whether it is stored, to be retrieved later.
stream: Whether the response is a stream of events.
stream_options: What the stream contains besides.
strict: Whether the arguments match the schema exactly.
suffix: The text behind the completion.
summary: A summary of the reasoning.
summary_index: The index of the summary part, from 0.
system: What the model is to follow.
tags: Hints about the tool or model.
temperature: How much answers vary: low values choose likelier words.
text: The text.
text_weight: The weight of words in the ranking.
thinking: Whether and how much the model thinks.
thread: The thread to create.
thread_id: The id of the thread.
title: A title for people.
tool_call_id: The id of the call.
tool_calls: The calls of tools.
tool_choice: Whether and which tool the model has to call.
tool_outputs: The outputs of the calls, one for each.
tool_resources: The files and vector stores of the built-in tools.
tools: The tools that the model may call.
top_k: How many of the likeliest tokens are considered.
top_logprobs: The number of likeliest tokens whose log probabilities are returned.
top_p: The share of likeliest tokens that are considered.
total_items: The number of all items.
total_pages: The number of all pages.
total_tokens: Tokens that the model has read and written.
truncation: `auto` leaves out old items that exceed the context window.
truncation_strategy: Which messages the model receives if all exceed its context window.
type: The type of the object, part or tool.
updated_at: When it was changed, in Unix seconds.
url: The address.
usage: The tokens of the model; null until the end.
usage_bytes: The size of the index in bytes.
usd_spent: The cost in US dollars.
user: An id of the end user, forwarded to the provider.
value: The value.
vector_store_id: The id of the vector store.
vector_store_ids: The ids of vector stores.
version: The version.
warnings: What could not be read of the file.
webhook_endpoint_id: The id of the webhook endpoint.
"""

MEMBER_TEXTS: Final = dict(line.split(": ", 1) for line in _TEXTS.strip().splitlines())


def describe_members(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with a description of each member that has none, where its name is known.

    A plain reference is left alone: generators of clients make a type of its own of one with a description.
    """
    if "properties" not in schema:
        return schema
    return schema | {"properties": {name: _describe(name, value) for name, value in schema["properties"].items()}}


def _describe(name: str, value: dict[str, Any]) -> dict[str, Any]:
    if "description" in value or "$ref" in value or name not in MEMBER_TEXTS:
        return value
    return {"description": MEMBER_TEXTS[name], **value}
