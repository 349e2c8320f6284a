import { addFacts } from "./add-facts.test.ts";
import { cognifyFacts } from "./cognify-facts.test.ts";
import { datasetFacts } from "./dataset-facts.test.ts";
import { graphFacts } from "./graph-facts.test.ts";
import { checksOf, openStandIn } from "./rig.test.ts";
import { deleteFacts, searchFacts } from "./search-facts.test.ts";
import { signInFacts } from "./sign-in-facts.test.ts";
import { updateFacts } from "./update-facts.test.ts";
import { olderFacts } from "./version-facts.test.ts";

// Each check is plain HTTP and asks nowhere which server it is: the real one can be put in the stand-in's place.
const check = checksOf(async (t) => (await openStandIn(t)).standIn);

signInFacts(check);
datasetFacts(check);
addFacts(check);
cognifyFacts(check);
updateFacts(check);
searchFacts(check);
deleteFacts(check);
graphFacts(check);

olderFacts(checksOf(async (t) => (await openStandIn(t, { version: "1.5.2" })).standIn));
