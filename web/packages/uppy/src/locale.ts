/** Texts of the plugin, in English; override them with the option `locale`. */
export const locale = {
  strings: {
    /** Shown while a file is hashed, before its upload starts. */
    hashing: "Computing SHA-256…",
    /** Plural forms, selected by the locale's `pluralize`. */
    alreadyThere: {
      0: "%{name} is already stored; nothing had to be sent.",
      1: "%{smart_count} files are already stored; nothing had to be sent.",
    },
    remoteFile:
      "%{name} comes from another service. Download it first, then add it from your device.",
  },
};
