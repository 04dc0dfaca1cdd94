export default {
  "settings.title": "Settings",
  "settings.theme": "Theme",
  "settings.theme.system": "As the system",
  "settings.theme.light": "Light",
  "settings.theme.dark": "Dark",
  "settings.zone": "Time zone",
  "settings.zone.hint": "Of every time in the console, such as Europe/Oslo. Empty is this device's zone.",
  "settings.zone.unknown": "{zone} is not a time zone.",
};
