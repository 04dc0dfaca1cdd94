export default {
  "threads.title": "Threads",
  "threads.empty": "No threads yet",
  "threads.empty.text": "A thread is a conversation with an assistant. Programs create them with the API, and so does the playground.",
  "threads.delete.title": "Delete the thread {name}?",
  "threads.delete.text": "Its messages and runs are deleted too. This cannot be undone.",
  "threads.column.id": "Thread",
  "threads.column.metadata": "Metadata",
  "threads.column.created_at": "Created",
  "threads.field.created_at": "Created",
  "threads.field.metadata": "Metadata",
};
