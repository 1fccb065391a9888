/** Texts that the plugin shows, in English; give others by the option `locale`. */
export const locale = {
  strings: {
    /** While a file is hashed, before anything is sent. */
    hashing: "Computing SHA-256…",
    /** In forms as the locale's `pluralize` picks them. */
    alreadyThere: {
      0: "%{name} is already there: nothing had to be sent.",
      1: "%{smart_count} files are already there: nothing had to be sent.",
    },
    remoteFile:
      "%{name} comes from another service. Download it first, then add it from your device.",
  },
};
