import { classify, type Verdict } from '../../../src/lib/postCall/classify.ts';
import { eventMembers } from '../../../src/lib/postCall/events.ts';
import { readWhole } from '../json/readWhole.ts';

/** What a body is that is there as a whole, short audio included. */
export function verdictOn(body: Buffer): Verdict {
  return classify({ json: readWhole(body, eventMembers), envelope: body });
}
