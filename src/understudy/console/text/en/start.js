export default {
  "start.title": "Start",
  "start.connect": "Connect a program",
  "start.connect.text": "Every client of the OpenAI API works with these two variables.",
  "start.environment": "environment",
  "start.threads": "Latest threads",
  "start.threads.none": "No threads yet.",
  "start.assistants": "Latest assistants",
  "start.assistants.none": "No assistants yet.",
};
