/** Why runs fail, by the API's code, and what to do. */
export default {
  "failures.title": "The run did not complete",
  "failures.rate_limit_exceeded.title": "Too many requests",
  "failures.server_error.title": "The model or a tool failed",
  "failures.invalid_prompt.title": "The provider refused the request",
  "failures.max_prompt_tokens.title": "Too many prompt tokens",
  "failures.max_completion_tokens.title": "The answer was cut off",
  "failures.content_filter.title": "The answer was filtered",
  "failures.expired.title": "The run expired",
  "failures.rate_limit_exceeded": "The model's provider refuses more requests for now, or the account's limit is reached. Try again later.",
  "failures.server_error": "The model's provider failed, or this server did. Run it again; the message above names the cause.",
  "failures.invalid_prompt": "The model's provider refuses the request. Change the instructions, the messages or the tools.",
  "failures.max_prompt_tokens": "The run's limit of prompt tokens is used up. Raise max_prompt_tokens, or shorten the thread.",
  "failures.max_completion_tokens": "The answer reached its limit of tokens. Raise max_completion_tokens.",
  "failures.content_filter": "The model's provider stopped the answer by its content filter.",
  "failures.expired": "The run was not finished in time, for instance because a function call was not answered.",
};
