/** What a check throws when this host does not let it look. */
export class NotPossible extends Error {}
